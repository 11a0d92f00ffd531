// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "base/codec.h"
#include "base/time.h"

namespace davit::images {
namespace {

// What fits under the kernel's default for unprivileged users' pipes; more room means fewer switches between
// the two.
constexpr int kPipeBytes = 1 << 20;

Result<std::pair<UniqueFd, UniqueFd>> MakePipe(int flags) {
  int fds[2];
  if (pipe2(fds, flags | O_CLOEXEC) < 0) return SystemError("pipe2", "davit-unpack");
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

// Without a name nothing is left of it after a crash.
Result<UniqueFd> MakeNotesFile(int layer_fd) {
  UniqueFd file(openat(layer_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  if (errno != EOPNOTSUPP) return SystemError("open(O_TMPFILE)", "layer directory");
  // Not every filesystem has such files. The directory is empty.
  constexpr char kName[] = "notes";
  file = UniqueFd(openat(layer_fd, kName, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!file || unlinkat(layer_fd, kName, 0) < 0) return SystemError("create", "notes of the layer");
  return file;
}

}  // namespace

Result<UnpackProcess> UnpackProcess::Start(const std::string& program, int layer_fd,
                                           const Interrupt& interrupt, Patience patience) {
  auto [input_read, input_write] = TRY(MakePipe(0));
  auto [report_read, report_write] = TRY(MakePipe(0));
  UniqueFd notes = TRY(MakeNotesFile(layer_fd));
  // The two ends of a pipe have flags of their own: the process reads blocking.
  if (fcntl(input_write.get(), F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl", "davit-unpack");
  (void)fcntl(input_write.get(), F_SETPIPE_SZ,
              kPipeBytes);  // refused beyond the user's share: slower, not wrong
  SpawnRequest request;
  request.program = program;
  request.args = {"davit-unpack"};
  request.fds = {{input_read.get(), kUnpackInputFd},
                 {layer_fd, kUnpackLayerFd},
                 {report_write.get(), kUnpackReportFd},
                 {notes.get(), kUnpackNotesFd}};
  ChildProcess child = TRY(Spawn(request));
  return UnpackProcess(std::move(child), std::move(input_write), std::move(report_read), std::move(notes),
                       interrupt, patience);
}

UnpackProcess::~UnpackProcess() {
  if (!child_.pidfd.valid()) return;
  (void)child_.pidfd.Signal(SIGKILL);
  (void)Reap(child_);
}

Result<> UnpackProcess::WaitFor(int fd, short events, int64_t patience_ms, std::string_view what) const {
  int64_t give_up_ms = MonotonicMilliseconds() + patience_ms;
  while (true) {
    TRY(interrupt_.Check());
    if (MonotonicMilliseconds() >= give_up_ms) {
      return Fail(Code::kUnavailable, "unpack", "davit-unpack",
                  std::string(what) + " for " + std::to_string(patience_ms) + " ms");
    }
    pollfd entry{fd, events, 0};
    int ready = poll(&entry, 1, Interrupt::kAskEveryMs);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return SystemError("poll", "davit-unpack");
  }
}

Result<> UnpackProcess::Write(std::string_view piece) {
  while (!piece.empty()) {
    ssize_t written = write(input_.get(), piece.data(), piece.size());
    if (written >= 0) {
      piece.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      TRY(WaitFor(input_.get(), POLLOUT, patience_.progress_ms, "has taken no input"));
    } else if (errno != EINTR) {
      return SystemError("write", "davit-unpack");
    }
  }
  return {};
}

Result<std::string> UnpackProcess::ReadReport() {
  std::string text;
  char buffer[16 << 10];
  while (true) {
    TRY(WaitFor(report_.get(), POLLIN, patience_.progress_ms, "has sent no report"));
    ssize_t size = read(report_.get(), buffer, sizeof buffer);
    if (size == 0) return text;
    if (size < 0 && errno != EINTR) return SystemError("read", "davit-unpack");
    if (size > 0) text.append(buffer, static_cast<size_t>(size));
    if (text.size() > kMaxUnpackReport)
      return Fail(Code::kResourceExhausted, "read", "davit-unpack", "report too long");
  }
}

Result<UnpackReport> UnpackProcess::Finish() {
  input_.Reset();
  std::string text = TRY(ReadReport());
  TRY(WaitFor(child_.pidfd.get(), POLLIN, patience_.exit_ms, "has ended its report but not itself"));
  ExitStatus status = TRY(Reap(child_));
  child_.pidfd = PidFd();
  auto report = Decode<UnpackReport>(text, "unpack report");
  // In tagged fields nothing at all is a report, too: one that says neither success nor failure.
  if (!report || (!report->complete && report->failure.code == 0)) {
    std::string how = status.signal != 0 ? "killed by signal " + std::to_string(status.signal)
                                         : "exited with " + std::to_string(status.code);
    return Fail(Code::kInternal, "unpack", "davit-unpack", how + " without a report");
  }
  if (!report->complete) return std::unexpected(ToError(report->failure));
  return std::move(*report);
}

}  // namespace davit::images
