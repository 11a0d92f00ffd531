// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/exec.h"

#include <linux/capability.h>
#include <signal.h>
#include <unistd.h>

#include "base/codec.h"
#include "shim/clone.h"
#include "shim/init/exec_init.h"
#include "shim/init/seccomp.h"
#include "shim/init/stdio.h"
#include "shim/init_cgroup.h"

namespace davit::shim {
namespace {

// An exec has nothing of its own to mount or to open on a host path, but its container's filesystems may
// hang.
constexpr uint32_t kStartTimeoutMs = 60'000;

Result<ExecInputs> MakeInputs(const Container& container, const std::string& plan, const RoleFds& fds,
                              int null_fd) {
  ExecInputs inputs;
  inputs.plan = TRY(Decode<ProcessPlan>(plan, "exec plan"));
  if (inputs.plan.seccomp != fds.seccomp.valid()) {
    return Fail(Code::kInvalidArgument, "exec", container.live().container_id,
                "plan and descriptors disagree on seccomp");
  }
  if (fds.seccomp) inputs.process.seccomp_program = TRY(ReadSeccompProgram(fds.seccomp.get()));
  inputs.container = &container.pidfd();
  inputs.has_user_namespace = !container.ids().empty();
  inputs.cgroup = &container.cgroup();
  inputs.process.identity = container.IdentityOf(inputs.plan.user);
  inputs.process.stdio[0] = fds.stdin_fd.get();
  inputs.process.stdio[1] = fds.stdout_fd.get();
  inputs.process.stdio[2] = fds.stderr_fd.get();
  inputs.process.spare_null = null_fd;
  TRY(GiveToRootOf(container.ids(), inputs.process.stdio));
  return inputs;
}

// Whether somebody in the container's PID namespace may look at an exec before it is the container's own.
bool MayBeWatched(const Container& container, const ProcessPlan& plan) {
  return !container.has_own_pid_namespace() || (plan.capabilities.bounding >> CAP_SYS_PTRACE & 1) != 0;
}

}  // namespace

Exec::Exec(Environment& env, std::string id, Callbacks callbacks)
    : env_(env), id_(std::move(id)), callbacks_(std::move(callbacks)) {}

Result<> Exec::Start(const Container& container, const std::string& plan, RoleFds fds, Told told,
                     WindowSize window) {
  ExecInputs inputs = TRY(MakeInputs(container, plan, fds, env_.null_fd));
  inputs.window = window;
  SyncPair sync = TRY(MakeSyncPair());
  const UniqueFd& cgroup = fds.cgroup.unified ? fds.cgroup.unified : container.cgroup().unified;
  CloneTarget target{.cgroup = cgroup.get(),
                     .pid_namespace = container.pidfd().get(),
                     .own_pid_namespace = env_.own.pid_namespace.get()};
  bool by_helper = MayBeWatched(container, inputs.plan);
  if (by_helper) target.descriptors = DescriptorsOfExec(inputs, sync.child.get());
  auto clone = [&] { return by_helper ? CloneByHelper(target, sync.child.get()) : Clone(target); };
  auto cloned = clone();
  UniqueFd init_cgroup;
  if (!cloned && target.cgroup >= 0 && IsDivided(cloned.error())) {
    init_cgroup =
        TRY(OpenInitCgroup(env_.own.proc.get(), container.live().pid, container.cgroup().unified.get()));
    target.cgroup = init_cgroup.get();
    cloned = clone();
  }
  if (!cloned) return std::unexpected(Within("exec in " + container.live().container_id, cloned.error()));
  if (cloned->pid == 0) RunExecInit(inputs, sync.child.get());

  Launch::Options options;
  if (by_helper) {
    options.helper = cloned->pid;
    options.on_born = [this](ClonedProcess child) { return Take(std::move(child)); };
  } else {
    TRY(Take(std::move(*cloned)));
  }
  options.subject = id_;
  options.timeout_ms = kStartTimeoutMs;
  options.placement = {std::move(inputs.plan.rlimits), inputs.plan.oom_score_adj};
  options.quiet = told == Told::kEnd;
  options.on_console = [this](UniqueFd controller) { terminal_ = std::move(controller); };
  launch_ = std::make_unique<Launch>(
      env_, pid_, pidfd_, std::move(sync.shim), std::move(options),
      [this](Result<Identity> identity) {
        std::unique_ptr<Launch> launch =
            std::move(launch_);  // it is calling: lives until the end of this function
        auto on_started = std::move(callbacks_.on_started);  // may destroy this object
        on_started(identity ? Result<>() : std::unexpected(identity.error()));
      },
      [this](ExitStatus status) {
        auto on_exited = std::move(callbacks_.on_exited);  // likewise
        on_exited({id_, status.code, status.signal});
      });
  launch_->Begin();
  return {};
}

Result<> Exec::Take(ClonedProcess child) {
  pid_ = child.pid;
  pidfd_ = std::move(child.pidfd);
  return {};
}

bool Exec::IsStarting() {
  return launch_ && !launch_->Look();
}

void Exec::Kill() {
  if (IsStarting()) return launch_->Abort({Code::kCancelled, 0, "exec", id_, "killed before it was running"});
  (void)kill(-pid_, SIGKILL);  // it leads its session, and is not reaped as long as this object lives
}

void Exec::Signal(int signo) {
  if (!IsStarting()) (void)kill(-pid_, signo);  // as in Kill
}

void Exec::HangUp() {
  if (drops_output_) env_.loop.Remove(terminal_.get());
  drops_output_ = false;
  terminal_.Reset();
}

Result<> Exec::KeepTerminal() {
  if (!terminal_ || drops_output_) return {};
  TRY(env_.loop.Add(terminal_.get(), EPOLLIN, [this](uint32_t) { DropOutput(); }));
  drops_output_ = true;
  return {};
}

void Exec::DropOutput() {
  ssize_t n = TEMP_FAILURE_RETRY(read(terminal_.get(), env_.read_buffer.data(), env_.read_buffer.size()));
  // EIO: nobody has it open for now. A later one would not be noticed, and need not be.
  if (n == 0 || (n < 0 && errno != EAGAIN)) HangUp();
}

}  // namespace davit::shim
