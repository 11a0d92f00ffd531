// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <poll.h>

#include <algorithm>

#include "base/frame.h"
#include "base/time.h"
#include "cri/host/cgroup/exec_cgroup.h"
#include "cri/runtime/execs.h"
#include "cri/shims/exec_outcome.h"

namespace davit {
namespace {

// Both streams together; the kubelet's receive limit of 16 MiB is for the whole message. More is read and
// dropped.
constexpr size_t kMaxOutput = 16'000'000;
// What a pipe can hold for a process without privileges (pipe(7), pipe-max-size).
constexpr size_t kMaxPipe = 1 << 20;

// Both ends stay open here to the end, so that poll() is not woken by HUP when the command exits.
struct OutputPipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<OutputPipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return SystemError("pipe2", "exec");
  OutputPipe made{UniqueFd(ends[0]), UniqueFd(ends[1])};
  fcntl(made.reader.get(), F_SETFL, O_NONBLOCK);
  return made;
}

// Reads what the command writes until its outcome is there.
class OutputCollector {
 public:
  OutputCollector(int out, int err, int outcome) : out_(out), err_(err), outcome_(outcome) {}

  // False when `deadline_ms` came first. A grandchild that writes on holds nobody: what counts is the
  // command.
  Result<bool> Run(int64_t deadline_ms, std::string& out, std::string& err) {
    while (true) {
      int64_t left = deadline_ms - MonotonicMilliseconds();
      if (left <= 0) return false;
      pollfd fds[3] = {{outcome_, POLLIN, 0}, {out_, POLLIN, 0}, {err_, POLLIN, 0}};
      int ready = TEMP_FAILURE_RETRY(poll(fds, 3, static_cast<int>(std::min<int64_t>(left, 1 << 30))));
      if (ready < 0) return SystemError("poll", "exec");
      Drain(out_, out);
      Drain(err_, err);
      if (fds[0].revents != 0) return true;
    }
  }

 private:
  // All that is in the pipe now. A writer that is as fast as this reader must not hold it here.
  void Drain(int pipe, std::string& text) {
    char buffer[32 << 10];
    for (size_t read_so_far = 0; read_so_far < kMaxPipe;) {
      ssize_t n = TEMP_FAILURE_RETRY(read(pipe, buffer, sizeof buffer));
      if (n <= 0) return;
      read_so_far += static_cast<size_t>(n);
      size_t room = kMaxOutput - kept_;
      size_t kept = std::min(room, static_cast<size_t>(n));
      text.append(buffer, kept);
      kept_ += kept;
    }
  }

  int out_;
  int err_;
  int outcome_;
  size_t kept_ = 0;
};

int64_t DeadlineOf(const v1::ExecSyncRequest& request, const Call& call) {
  if (request.timeout() <= 0) return call.deadline_ms;
  int64_t timeout_ms = std::min<int64_t>(request.timeout(), 1 << 30) * 1000;
  return std::min(call.deadline_ms, MonotonicMilliseconds() + timeout_ms);
}

}  // namespace

Result<v1::ExecSyncResponse> Execs::RunSync(const v1::ExecSyncRequest& request, Call& call) {
  if (request.cmd().empty()) return Fail(Code::kInvalidArgument, "validate", "cmd", "it is empty");
  std::vector<std::string> command(request.cmd().begin(), request.cmd().end());
  Prepared exec = TRY(Prepare(request.container_id(), command, Terminal::kNone));
  OutputPipe out = TRY(MakePipe());
  OutputPipe err = TRY(MakePipe());
  StartFrame& frame = exec.launch.frame;
  frame.AddBorrowed(FdRole::kStdout, out.writer.get());
  frame.AddBorrowed(FdRole::kStderr, err.writer.get());
  auto [outcome, shims_end] = TRY(FramePair());
  frame.Add(FdRole::kOutcome, std::move(shims_end));
  ExecCgroups::Lease cgroup =
      TRY(ports_.cgroups.LendToExec(exec.container->exec_cgroups(), exec.cgroup_path, exec.launch.exec_id));
  if (cgroup.directory() >= 0) frame.AddBorrowed(FdRole::kCgroupUnified, cgroup.directory());
  call.spans.Mark("plan");

  int64_t deadline = DeadlineOf(request, call);
  TRY(exec.shim->HandExec(exec.launch, deadline));
  frame = StartFrame();  // closes the shim's end of the outcome here
  call.spans.Mark("hand-over");
  v1::ExecSyncResponse response;
  Result<ExecExited> exited = [&]() -> Result<ExecExited> {
    OutputCollector collector(out.reader.get(), err.reader.get(), outcome.get());
    if (TRY(collector.Run(deadline, *response.mutable_stdout(), *response.mutable_stderr())))
      return ReceiveExecOutcome(outcome.get(), exec.container->id());
    return Fail(Code::kDeadlineExceeded, "exec in container", exec.container->id(),
                "command \"" + command[0] + "\" timed out after " + std::to_string(request.timeout()) + " s");
  }();
  call.spans.Mark("command");
  if (exited) {
    response.set_exit_code(exited->exit_code);
    return response;
  }
  outcome.Reset();  // the shim kills the command
  // Also what has left the command's group and session, and a command that the shim starts too late.
  if (Result<> killed = cgroup.Kill(); !killed)
    ports_.log.Log(LogLevel::kError, "exec not killed", {{"error", killed.error().ToString()}});
  return std::unexpected(std::move(exited).error());
}

}  // namespace davit
