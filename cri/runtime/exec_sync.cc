// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>

#include "base/frame.h"
#include "base/guarded.h"
#include "base/time.h"
#include "cri/host/cgroup/exec_cgroup.h"
#include "cri/runtime/exec_prepare.h"
#include "cri/runtime/execs.h"
#include "cri/shims/exec_outcome.h"

namespace davit::cri {
namespace {

// Most commands end at once. Their thread sleeps until the outcome is there, and between the request and the
// command's end only output wakes it. A command that takes longer costs no thread.
constexpr int64_t kShortMs = 100;

int64_t DeadlineOf(const v1::ExecSyncRequest& request, const Call& call) {
  if (request.timeout() <= 0) return call.deadline_ms;
  int64_t timeout_ms = std::min<int64_t>(request.timeout(), 1 << 30) * 1000;
  return std::min(call.deadline_ms, MonotonicMilliseconds() + timeout_ms);
}

}  // namespace

struct Execs::SyncExec {
  ContainerPtr container;  // owns the cgroup
  ExecCgroups::Lease cgroup;
  std::shared_ptr<ExecOutput> output;
  std::string command;
  int64_t timeout_seconds;
  int64_t deadline_ms;
};

void Execs::RunSync(const v1::ExecSyncRequest& request, Call& call, std::stop_token gone, OnSyncExec done,
                    size_t most_output) {
  Result<std::shared_ptr<SyncExec>> begun = BeginSync(request, call, most_output);
  if (!begun) return done(std::unexpected(std::move(begun).error()));
  std::shared_ptr<SyncExec> exec = std::move(*begun);
  Result<bool> ended =
      exec->output->WaitHere(std::min(exec->deadline_ms, MonotonicMilliseconds() + kShortMs));
  if (!ended) return done(EndSync(*exec, std::unexpected(std::move(ended).error()), call));
  if (*ended) return done(EndSync(*exec, ExecOutput::End::kOutcome, call));
  exec->output->WaitOn(ports_.outputs, exec->deadline_ms, std::move(gone),
                       [this, exec, &call, done](const Result<ExecOutput::End>& end) {
                         // It may take a while to kill a command.
                         EndElsewhere([this, exec, &call, done, end] { done(EndSync(*exec, end, call)); });
                       });
}

void Execs::EndElsewhere(std::function<void()> end) {
  Result<> posted = Guarded("end", "command", [&]() -> Result<> {
    ports_.killers.Post(end);
    return {};
  });
  if (!posted) end();
}

Result<std::shared_ptr<Execs::SyncExec>> Execs::BeginSync(const v1::ExecSyncRequest& request, Call& call,
                                                          size_t most_output) {
  if (request.cmd().empty()) return Fail(Code::kInvalidArgument, "validate", "cmd", "it is empty");
  std::vector<std::string> command(request.cmd().begin(), request.cmd().end());
  ContainerPtr container = TRY(ports_.pods.FindContainer(request.container_id(), call.owner));
  PreparedExec exec = TRY(PrepareExec(ports_.confinement, container, command, ExecTerminal::kNone));
  auto [outcome, shims_end] = TRY(FramePair());
  std::shared_ptr<ExecOutput> output = TRY(ExecOutput::Create(std::move(outcome), most_output));
  StartFrame& frame = exec.launch.frame;
  frame.AddBorrowed(shim::FdRole::kStdout, output->stdout_writer());
  frame.AddBorrowed(shim::FdRole::kStderr, output->stderr_writer());
  frame.Add(shim::FdRole::kOutcome,
            std::move(shims_end));  // closed here with the frame: the shim has the only one
  ExecCgroups::Lease cgroup =
      TRY(ports_.cgroups.LendToExec(exec.container->exec_cgroups(), exec.cgroup_path, exec.launch.exec_id));
  if (cgroup.directory() >= 0) frame.AddBorrowed(shim::FdRole::kCgroupUnified, cgroup.directory());
  call.spans.Mark("plan");

  int64_t deadline = DeadlineOf(request, call);
  TRY(exec.shim->HandExec(exec.launch, deadline));
  call.spans.Mark("hand-over");
  return std::make_shared<SyncExec>(exec.container, std::move(cgroup), std::move(output), command[0],
                                    request.timeout(), deadline);
}

Result<v1::ExecSyncResponse> Execs::EndSync(SyncExec& exec, Result<ExecOutput::End> end, Call& call) {
  const std::string& id = exec.container->id();
  Result<shim::ExecExited> exited = [&]() -> Result<shim::ExecExited> {
    switch (TRY(std::move(end))) {
      case ExecOutput::End::kOutcome:
        return ReceiveExecOutcome(exec.output->outcome(), id);
      case ExecOutput::End::kGone:
        return Fail(Code::kCancelled, "exec in container", id,
                    "nobody waits for command \"" + exec.command + "\" any more");
      case ExecOutput::End::kDeadline:
        break;
    }
    return Fail(
        Code::kDeadlineExceeded, "exec in container", id,
        "command \"" + exec.command + "\" timed out after " + std::to_string(exec.timeout_seconds) + " s");
  }();
  call.spans.Mark("command");
  if (exited) {
    v1::ExecSyncResponse response;
    response.set_stdout(exec.output->TakeStdout());
    response.set_stderr(exec.output->TakeStderr());
    response.set_exit_code(exited->exit_code);
    return response;
  }
  exec.output->CloseOutcome();  // the shim kills the command
  // Also what has left the command's group and session, and a command that the shim starts too late. The
  // cgroup is gone before the client is answered.
  ExecCgroups::Lease cgroup = std::move(exec.cgroup);
  if (Result<> killed = cgroup.Kill(); !killed)
    ports_.log.Log(LogLevel::kError, "exec not killed", {{"error", killed.error().ToString()}});
  return std::unexpected(std::move(exited).error());
}

}  // namespace davit::cri
