// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/run_program.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file_io.h"

namespace davit {
namespace {

constexpr size_t kMaxOutput = 1 << 20;

Result<UniqueFd> OpenScratch(const std::string& what, std::string_view content = {}) {
  UniqueFd fd(memfd_create("program", MFD_CLOEXEC));
  if (!fd) return SystemError("memfd_create", what);
  TRY(WriteAll(fd.get(), content, what));
  if (lseek(fd.get(), 0, SEEK_SET) < 0) return SystemError("lseek", what);
  return fd;
}

Result<std::string> Content(const std::string& what, const UniqueFd& fd) {
  if (lseek(fd.get(), 0, SEEK_SET) < 0) return SystemError("lseek", what);
  return ReadFd(fd.get(), what, kMaxOutput);
}

enum class End : uint8_t { kItsOwn, kTimeout, kInterrupt };

Result<End> AwaitEnd(const ChildProcess& child, const ProgramRun& run) {
  pollfd waits[] = {{child.pidfd.get(), POLLIN, 0}, {run.interrupt_fd, POLLIN, 0}};
  if (TEMP_FAILURE_RETRY(poll(waits, 2, run.timeout_ms)) < 0) return SystemError("poll", run.program);
  if (waits[0].revents != 0) return End::kItsOwn;
  return waits[1].revents != 0 ? End::kInterrupt : End::kTimeout;
}

}  // namespace

// With files in memory for the three streams nobody has to be read from while it runs.
Result<ProgramOutcome> RunProgram(const std::string& what, ProgramRun run) {
  UniqueFd in = TRY(OpenScratch(what, run.input));
  UniqueFd out = TRY(OpenScratch(what));
  UniqueFd err = TRY(OpenScratch(what));
  run.args.insert(run.args.begin(), run.program);
  ChildProcess child = TRY(Spawn({.program = run.program,
                                  .args = std::move(run.args),
                                  .env = std::move(run.env),
                                  .fds = {{in.get(), 0}, {out.get(), 1}, {err.get(), 2}}}));
  Result<End> end = AwaitEnd(child, run);
  // With all that it has started: it leads a session of its own, and keeps its number until it is reaped.
  if (!end || *end != End::kItsOwn) kill(-child.pid, SIGKILL);
  ExitStatus status = TRY(Reap(child));
  End how = TRY(std::move(end));
  if (how == End::kTimeout)
    return Fail(Code::kDeadlineExceeded, "run " + what, run.program,
                "killed after " + std::to_string(run.timeout_ms) + " ms");
  if (how == End::kInterrupt) return Fail(Code::kCancelled, "run " + what, run.program, "interrupted");
  ProgramOutcome outcome;
  outcome.status = status;
  outcome.output = TRY(Content(what, out));
  outcome.diagnostics = TRY(Content(what, err));
  return outcome;
}

}  // namespace davit
