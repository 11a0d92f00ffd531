// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/rootfs_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/duplicate.h"
#include "base/memfd.h"
#include "base/time.h"

namespace davit::local {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
constexpr int kPipeBytes = 1 << 20;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return SystemError("pipe2", "davit-rootfs");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// The two ends of a pipe have flags of their own: the process blocks.
Result<> MakeOurs(int fd) {
  if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl", "davit-rootfs");
  (void)fcntl(fd, F_SETPIPE_SZ, kPipeBytes);  // refused beyond the user's share: slower, not wrong
  return {};
}

// Whether nobody holds the other end any more, waiting for that at most so long.
bool IsClosed(int report, int patience_ms) {
  pollfd entry{report, 0, 0};
  return poll(&entry, 1, patience_ms) > 0 && (entry.revents & POLLHUP) != 0;
}

}  // namespace

void HungProcesses::Add(UniqueFd report) {
  MutexLock lock(mutex_);
  reports_.push_back(std::move(report));
}

size_t HungProcesses::Sweep() {
  std::erase_if(reports_, [](const UniqueFd& report) { return IsClosed(report.get(), 0); });
  return reports_.size();
}

Result<> HungProcesses::Check() {
  MutexLock lock(mutex_);
  if (Sweep() < kMost) return {};
  return Fail(Code::kResourceExhausted, "read", "files of a container",
              "too many earlier attempts hang in filesystems that do not answer; stop their containers");
}

Result<std::unique_ptr<RootfsProcess>> RootfsProcess::Start(const Program& program,
                                                            const RootfsRequest& request,
                                                            const UniqueFd& tree, const UniqueFd& base,
                                                            const images::Interrupt& interrupt) {
  TRY(program.hung.Check());
  UniqueFd memfd = TRY(MakeSealedMemfd("davit-rootfs", Encode(request)));
  Pipe input = TRY(MakePipe());
  Pipe output = TRY(MakePipe());
  Pipe report = TRY(MakePipe());
  TRY(MakeOurs(input.write.get()));
  TRY(MakeOurs(output.read.get()));
  SpawnRequest spawn;
  spawn.program = program.path;
  spawn.args = {"davit-rootfs"};
  spawn.fds = {{input.read.get(), STDIN_FILENO},
               {output.write.get(), STDOUT_FILENO},
               {memfd.get(), kRootfsRequestFd},
               {report.write.get(), kRootfsReportFd},
               {tree.get(), kRootfsTreeFd}};
  if (base) spawn.fds.emplace_back(base.get(), kRootfsBaseFd);
  ChildProcess child = TRY(Spawn(spawn));
  std::unique_ptr<RootfsProcess> process(new RootfsProcess(program, std::move(child), interrupt));
  process->input_ = std::move(input.write);
  process->output_ = std::move(output.read);
  process->report_ = std::move(report.read);
  process->buffer_.resize(kBufferBytes);
  return process;
}

// The process itself only waits for its child, which does the work, and so ends at once. The child dies with
// it, unless it hangs in a call that no signal ends.
RootfsProcess::~RootfsProcess() {
  if (!child_.pidfd.valid()) return;
  (void)child_.pidfd.Signal(SIGKILL);
  (void)Reap(child_);
  if (report_ && !IsClosed(report_.get(), static_cast<int>(program_.patience.end_ms)))
    program_.hung.Add(std::move(report_));
}

Result<PidFd> RootfsProcess::Handle() const {
  return PidFd(TRY(Duplicate(child_.pidfd.get(), "davit-rootfs")));
}

Result<> RootfsProcess::WaitFor(std::vector<pollfd> events, int64_t patience_ms,
                                std::string_view what) const {
  int64_t give_up_ms = MonotonicMilliseconds() + patience_ms;
  while (true) {
    TRY(interrupt_.Check());
    if (MonotonicMilliseconds() >= give_up_ms) {
      return Fail(Code::kUnavailable, "", "",
                  "the files of the container do not answer: " + std::string(what) + " for " +
                      std::to_string(patience_ms / 1000) + " s");
    }
    int ready = poll(events.data(), events.size(), images::Interrupt::kAskEveryMs);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return SystemError("poll", "davit-rootfs");
  }
}

Result<> RootfsProcess::Write(std::string_view piece, const Take& take) {
  while (!piece.empty()) {
    ssize_t written = write(input_.get(), piece.data(), piece.size());
    if (written >= 0) {
      piece.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      TRY(AwaitRoom(take));
    } else if (errno != EINTR) {
      return SystemError("write", "davit-rootfs");
    }
  }
  return {};
}

Result<> RootfsProcess::AwaitRoom(const Take& take) {
  constexpr std::string_view kStuck = "nothing was written";
  if (!take) return WaitFor({{input_.get(), POLLOUT, 0}}, program_.patience.progress_ms, kStuck);
  TRY(WaitFor({{input_.get(), POLLOUT, 0}, {output_.get(), POLLIN, 0}}, program_.patience.progress_ms,
              kStuck));
  ssize_t size = read(output_.get(), buffer_.data(), buffer_.size());
  if (size < 0 && errno != EAGAIN && errno != EINTR) return SystemError("read", "davit-rootfs");
  return size > 0 ? take({buffer_.data(), static_cast<size_t>(size)}) : Result<>();
}

Result<> RootfsProcess::EndInput(const Take& take) {
  input_.Reset();
  for (std::string_view piece = TRY(Read()); !piece.empty(); piece = TRY(Read())) TRY(take(piece));
  return {};
}

Result<std::string_view> RootfsProcess::Read() {
  while (true) {
    TRY(WaitFor({{output_.get(), POLLIN, 0}}, program_.patience.progress_ms, "nothing was read"));
    ssize_t size = read(output_.get(), buffer_.data(), buffer_.size());
    if (size >= 0) return std::string_view(buffer_.data(), static_cast<size_t>(size));
    if (errno != EINTR && errno != EAGAIN) return SystemError("read", "davit-rootfs");
  }
}

Result<std::string> RootfsProcess::ReadReport() {
  std::string text;
  char buffer[16 << 10];
  while (true) {
    TRY(WaitFor({{report_.get(), POLLIN, 0}}, program_.patience.progress_ms, "nothing was done"));
    ssize_t size = TEMP_FAILURE_RETRY(read(report_.get(), buffer, sizeof buffer));
    if (size == 0) return text;
    if (size < 0) return SystemError("read", "davit-rootfs");
    text.append(buffer, static_cast<size_t>(size));
    if (text.size() > kMostRootfsReport)
      return Fail(Code::kResourceExhausted, "read", "davit-rootfs", "report too long");
  }
}

Result<RootfsReport> RootfsProcess::Finish() {
  input_.Reset();
  output_.Reset();
  std::string text = TRY(ReadReport());
  auto report = Decode<RootfsReport>(text, "report of davit-rootfs");
  // In tagged fields nothing at all is a report, too: one that says neither success nor failure.
  if (!report || (!report->complete && report->failure.code == 0)) {
    TRY(interrupt_.Check());
    return Fail(Code::kInternal, "read", "davit-rootfs", "it has ended without a report");
  }
  if (!report->complete) return std::unexpected(ToError(report->failure));
  return std::move(*report);
}

}  // namespace davit::local
