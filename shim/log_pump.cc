// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/log_pump.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

namespace davit::shim {
namespace {

// A terminal gives 4 KiB a read at most, says of those only how much is there (FIONREAD), and keeps some 64
// KiB more behind them.
constexpr size_t kTerminalReads = 32;
constexpr int kPipeBytes = 256 << 10;
}  // namespace

LogPump::LogPump(Environment& env, UniqueFd log)
    : env_(env),
      writer_(env, std::move(log), [this] { OnWritten(); }),
      clients_(env.loop, [this](Output output) {
        GoOn(output == Output::kStdout ? stdout_ : stderr_);
        writer_.Submit();
      }) {}

LogPump::~LogPump() {
  Close(stdout_);
  Close(stderr_);
}

Result<> LogPump::Start(UniqueFd stdout_pipe, UniqueFd stderr_pipe) {
  stdout_.pipe = std::move(stdout_pipe);
  stderr_.pipe = std::move(stderr_pipe);
  if (stdout_.pipe) TRY(Watch(stdout_));
  if (stderr_.pipe)
    TRY(Watch(stderr_));
  else if (stdout_.pipe)
    clients_.End(Output::kStderr);  // a terminal has none
  return {};
}

Result<> LogPump::Watch(Stream& stream) {
  TRY(env_.loop.Add(stream.pipe.get(), EPOLLIN, [this, &stream](uint32_t) {
    PumpBatch(stream);
    writer_.Submit();
  }));
  stream.watched = true;
  return {};
}

// Not only without EPOLLIN: the end of a pipe's writers is reported whatever is asked for.
void LogPump::Unwatch(Stream& stream) {
  if (stream.watched) env_.loop.Remove(stream.pipe.get());
  stream.watched = false;
}

// Reads until the pipe is empty or the batch is full: handing over a short batch costs as much as a full one.
void LogPump::PumpBatch(Stream& stream) {
  size_t before;
  do {
    before = writer_.batch().text().size();
  } while (Pump(stream) && writer_.batch().text().size() > before);
}

bool LogPump::Pump(Stream& stream) {
  char* buffer = env_.read_buffer.data();
  ssize_t n = TEMP_FAILURE_RETRY(read(stream.pipe.get(), buffer, env_.read_buffer.size()));
  if (n < 0 && errno == EAGAIN) return false;
  if (n <= 0) {  // a terminal whose other end is closed says EIO
    End(stream);
    return false;
  }
  std::string_view data(buffer, static_cast<size_t>(n));
  Feed(stream, data);
  clients_.Write(stream.output, data);
  if (clients_.IsBehind(stream.output) && !finishing_) {
    Unwatch(stream);
    return false;
  }
  return stream.rest.empty();
}

// What finds no room waits in `rest`, and the pipe with it.
void LogPump::Feed(Stream& stream, std::string_view data) {
  while (true) {
    data.remove_prefix(stream.lines.Add(data, writer_.batch()));
    if (data.empty()) return;
    if (!writer_.Submit()) break;
  }
  stream.rest = data;
  Unwatch(stream);
}

void LogPump::End(Stream& stream) {
  Close(stream);
  stream.has_ended =
      !stream.lines.Finish(writer_.batch()) && !(writer_.Submit() && stream.lines.Finish(writer_.batch()));
}

Result<> LogPump::Attach(AttachedClient client) {
  if (!stdout_.pipe) client.out.Reset();
  if (!stderr_.pipe) client.err.Reset();
  return clients_.Add(std::move(client));
}

bool LogPump::Finish(std::function<void()> on_written) {
  finishing_ = true;
  for (Stream* stream : {&stdout_, &stderr_}) {
    if (!stream->pipe) continue;
    Unwatch(*stream);
    // About as much as is there now: a writer that lives on could keep an unbounded loop busy for ever.
    int available = 0;
    if (ioctl(stream->pipe.get(), FIONREAD, &available) < 0) available = 0;
    stream->reads_left =
        kTerminalReads + static_cast<size_t>(std::max(available, 0)) / env_.read_buffer.size();
  }
  if (ContinueFinish()) return true;
  on_finished_ = std::move(on_written);
  return false;
}

void LogPump::FinishLater(std::function<void()> on_written) {
  for (Output output : {Output::kStdout, Output::kStderr}) clients_.End(output);
  on_finished_ = std::move(on_written);
}

bool LogPump::ContinueFinish() {
  Drain(stdout_);
  Drain(stderr_);
  writer_.Submit();
  return IsDrained(stdout_) && IsDrained(stderr_) && writer_.Await();
}

void LogPump::Drain(Stream& stream) {
  while (stream.pipe && stream.rest.empty()) {
    bool goes_on = stream.reads_left-- > 0 && Pump(stream);
    if (!goes_on && stream.pipe && stream.rest.empty()) End(stream);
  }
}

void LogPump::OnWritten() {
  GoOn(stdout_);
  GoOn(stderr_);
  writer_.Submit();
  if (!finishing_ || !ContinueFinish() || !on_finished_) return;
  auto on_finished = std::exchange(on_finished_, nullptr);  // may destroy this object
  on_finished();
}

void LogPump::GoOn(Stream& stream) {
  if (!stream.rest.empty()) Feed(stream, std::exchange(stream.rest, {}));
  if (!stream.rest.empty()) return;
  if (stream.has_ended) return End(stream);
  if (!stream.pipe || stream.watched || finishing_ || clients_.IsBehind(stream.output)) return;
  Result<> watched = Watch(stream);
  if (!watched)
    env_.log.Log(LogLevel::kError, "cannot watch container output", {{"error", watched.error().ToString()}});
}

void LogPump::Close(Stream& stream) {
  if (!stream.pipe) return;
  Unwatch(stream);
  stream.pipe.Reset();
  clients_.End(stream.output);
}

Result<OutputPipe> MakeOutputPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return SystemError("pipe2", "container output");
  OutputPipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) < 0)
    return SystemError("fcntl(O_NONBLOCK)", "container output");
  // Refused beyond /proc/sys/fs/pipe-max-size or the user's share of pipe pages; then the default size does.
  fcntl(pipe.read.get(), F_SETPIPE_SZ, kPipeBytes);
  return pipe;
}

}  // namespace davit::shim
