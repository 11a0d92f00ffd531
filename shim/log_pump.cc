// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/log_pump.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>

namespace davit {
namespace {
constexpr int kPipeBytes = 256 << 10;
}  // namespace

LogPump::LogPump(EventLoop& loop, LogBuffers& buffers, UniqueFd log)
    : loop_(loop),
      buffers_(buffers),
      writer_(std::move(log), {buffers.batch.get(), LogBuffers::kBatchBytes}),
      clients_(loop) {}

LogPump::~LogPump() {
  Close(stdout_);
  Close(stderr_);
}

Result<> LogPump::Start(UniqueFd stdout_pipe, UniqueFd stderr_pipe) {
  stdout_.pipe = std::move(stdout_pipe);
  stderr_.pipe = std::move(stderr_pipe);
  if (stdout_.pipe) TRY(Watch(stdout_));
  if (stderr_.pipe) TRY(Watch(stderr_));
  return {};
}

Result<> LogPump::Watch(Stream& stream) {
  return loop_.Add(stream.pipe.get(), EPOLLIN, [this, &stream](uint32_t) { Pump(stream); });
}

bool LogPump::Pump(Stream& stream) {
  ssize_t n = TEMP_FAILURE_RETRY(read(stream.pipe.get(), buffers_.read.get(), LogBuffers::kReadBytes));
  if (n < 0 && errno == EAGAIN) return false;
  if (n <= 0) {  // a terminal whose other end is closed says EIO
    stream.lines.Finish(writer_);
    writer_.Flush();
    Close(stream);
    return false;
  }
  stream.lines.Add({buffers_.read.get(), static_cast<size_t>(n)}, writer_);
  writer_.Flush();
  clients_.Write(stream.output, {buffers_.read.get(), static_cast<size_t>(n)});
  return true;
}

Result<> LogPump::Attach(AttachedClient client) {
  if (!stdout_.pipe) client.out.Reset();
  if (!stderr_.pipe) client.err.Reset();
  return clients_.Add(std::move(client));
}

void LogPump::Drain(Stream& stream) {
  if (!stream.pipe) return;
  // About as much as is there now: a writer that lives on could keep an unbounded loop busy for ever.
  int available = 0;
  if (ioctl(stream.pipe.get(), FIONREAD, &available) < 0) available = 0;
  size_t turns = 1 + static_cast<size_t>(std::max(available, 0)) / LogBuffers::kReadBytes;
  while (turns > 0 && Pump(stream)) --turns;
  stream.lines.Finish(writer_);
  writer_.Flush();
  Close(stream);
}

void LogPump::Finish() {
  Drain(stdout_);
  Drain(stderr_);
}

void LogPump::Close(Stream& stream) {
  if (!stream.pipe) return;
  loop_.Remove(stream.pipe.get());
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

}  // namespace davit
