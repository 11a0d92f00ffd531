// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/file_io.h"
#include "base/time.h"

namespace davit {
namespace {

constexpr size_t kPipeBytes = 64 << 10;  // the kernel's default (pipe(7))

// Nobody has to write to a program that does not read.
Result<UniqueFd> OpenInput(const std::string& what, std::string_view content) {
  UniqueFd fd(memfd_create("program", MFD_CLOEXEC));
  if (!fd) return SystemError("memfd_create", what);
  TRY(WriteAll(fd.get(), content, what));
  if (lseek(fd.get(), 0, SEEK_SET) < 0) return SystemError("lseek", what);
  return fd;
}

// One output of the program.
class Output {
 public:
  // Returns the program's end.
  Result<UniqueFd> Open(const std::string& what) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return SystemError("pipe2", what);
    ours_.Reset(ends[0]);
    UniqueFd theirs(ends[1]);
    if (fcntl(ours_.get(), F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl", what);
    return theirs;
  }

  int fd() const { return ours_.get(); }  // -1 after the end of the output
  bool too_long() const { return too_long_; }
  std::string Take() { return std::move(text_); }

  // Takes what the pipe holds.
  Result<> Read(size_t limit, std::string& buffer) {
    if (!ours_) return {};
    ssize_t size = TEMP_FAILURE_RETRY(read(ours_.get(), buffer.data(), buffer.size()));
    if (size < 0 && errno != EAGAIN) return SystemError("read", "output");
    if (size == 0) ours_.Reset();
    if (size <= 0) return {};
    size_t kept = std::min(static_cast<size_t>(size), limit - text_.size());
    text_.append(buffer, 0, kept);
    too_long_ |= kept < static_cast<size_t>(size);
    return {};
  }

 private:
  UniqueFd ours_;
  std::string text_;
  bool too_long_ = false;
};

class Running {
 public:
  Running(const std::string& what, const ProgramRun& run, const ChildProcess& child, Output& out, Output& err)
      : what_(what), run_(run), child_(child), out_(out), err_(err) {}

  // Reads both outputs until the program ends. An error is a reason to kill it.
  Result<> AwaitEnd() {
    while (true) {
      TRY(CheckCaller());
      pollfd waits[] = {{child_.pidfd.get(), POLLIN, 0},
                        {run_.interrupt_fd, POLLIN, 0},
                        {out_.fd(), POLLIN, 0},
                        {err_.fd(), POLLIN, 0}};
      if (poll(waits, std::size(waits), Patience()) < 0 && errno != EINTR)
        return SystemError("poll", run_.program);
      bool interrupted = waits[1].revents != 0;
      if (interrupted) return Failure(Code::kCancelled, "interrupted");
      // After its end, too: the pipes still hold what it wrote last.
      TRY(ReadOutputs());
      if (waits[0].revents != 0) return {};
    }
  }

 private:
  Result<> CheckCaller() const {
    if (run_.cancelled && run_.cancelled()) return Failure(Code::kCancelled, "cancelled");
    if (MonotonicMilliseconds() < end_ms_) return {};
    return Failure(Code::kDeadlineExceeded, "killed after " + std::to_string(run_.timeout_ms) + " ms");
  }

  int Patience() const {
    int64_t longest = run_.cancelled ? ProgramRun::kAskEveryMs : std::numeric_limits<int>::max();
    return static_cast<int>(std::clamp<int64_t>(end_ms_ - MonotonicMilliseconds(), 0, longest));
  }

  Result<> ReadOutputs() {
    TRY(out_.Read(run_.output_limit, buffer_));
    TRY(err_.Read(run_.output_limit, buffer_));
    bool too_long = out_.too_long() || err_.too_long();
    if (!too_long || run_.long_output == LongOutput::kIsCut) return {};
    return Failure(Code::kResourceExhausted,
                   "killed because it wrote more than " + std::to_string(run_.output_limit) + " bytes");
  }

  std::unexpected<Error> Failure(Code code, std::string_view why) const {
    return Fail(code, "run " + what_, run_.program, why);
  }

  const std::string& what_;
  const ProgramRun& run_;
  const ChildProcess& child_;
  Output& out_;
  Output& err_;
  const int64_t end_ms_ = MonotonicMilliseconds() + run_.timeout_ms;
  std::string buffer_ = std::string(kPipeBytes, '\0');
};

}  // namespace

Result<ProgramOutcome> RunProgram(const std::string& what, ProgramRun run) {
  Output out, err;
  ChildProcess child;
  {
    UniqueFd in = TRY(OpenInput(what, run.input));
    UniqueFd out_write = TRY(out.Open(what));
    UniqueFd err_write = TRY(err.Open(what));
    run.args.insert(run.args.begin(), run.program);
    child = TRY(Spawn({.program = run.program,
                       .args = std::move(run.args),
                       .env = std::move(run.env),
                       .fds = {{in.get(), 0}, {out_write.get(), 1}, {err_write.get(), 2}}}));
  }
  Result<> ended = Running(what, run, child, out, err).AwaitEnd();
  // With all that it has started: it leads a session of its own, and keeps its number until it is reaped.
  if (!ended) kill(-child.pid, SIGKILL);
  ExitStatus status = TRY(Reap(child));
  TRY(std::move(ended));
  return ProgramOutcome{status, out.Take(), err.Take()};
}

}  // namespace davit
