// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include "base/codec.h"
#include "shim/clone.h"
#include "shim/container.h"
#include "shim/init/container_init.h"
#include "shim/init/seccomp.h"
#include "shim/init/stdio.h"

namespace davit {
namespace {

// Both ends of a container's standard streams.
struct Streams {
  UniqueFd stdin_read;
  UniqueFd stdin_write;
  OutputPipe out;
  OutputPipe err;
};

Result<Streams> MakeStreams(const ContainerPlan& plan) {
  Streams streams;
  if (plan.process.terminal) return streams;  // one for all, made by the child in its own /dev/pts
  if (plan.stdin_open) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return SystemError("pipe2", "container input");
    streams.stdin_read.Reset(ends[0]);
    streams.stdin_write.Reset(ends[1]);
  }
  streams.out = TRY(MakeOutputPipe());
  streams.err = TRY(MakeOutputPipe());
  return streams;
}

// The process that init shares its PID namespace with, or -1.
Result<int> PidNamespaceOf(const ContainerPlan& plan, const PodContext& pod, const RoleFds& fds) {
  if (plan.pid == NamespaceUse::kPod) {
    if (pod.reaper == nullptr) {
      return Fail(Code::kFailedPrecondition, "start", plan.container_id, "the pod shares no PID namespace");
    }
    return pod.reaper->get();
  }
  if (plan.pid == NamespaceUse::kTarget) {
    if (!fds.target_pid)
      return Fail(Code::kInvalidArgument, "start", plan.container_id, "no target was given");
    return fds.target_pid.get();
  }
  return -1;
}

Result<ContainerPlan> DecodePlan(const std::string& bytes, const RoleFds& fds, const PodContext& pod,
                                 const std::string& id) {
  auto plan = TRY(Decode<ContainerPlan>(bytes, "container plan"));
  if (!fds.rootfs) return Fail(Code::kInvalidArgument, "start", id, "no rootfs was given");
  if (plan.ids.empty() == pod.namespaces->user.valid()) {
    return Fail(Code::kInvalidArgument, "start", id, "plan and pod disagree on the user namespace");
  }
  if (plan.process.seccomp != fds.seccomp.valid()) {
    return Fail(Code::kInvalidArgument, "start", id, "plan and descriptors disagree on seccomp");
  }
  return plan;
}

struct FirstProcesses {
  ClonedProcess init;
  PidFd builder;  // of the file tree, unless init builds it itself; nobody waits for it
};

// A builder that may hang joins the container's v1 cgroups later, and its v2 cgroup, which would be dear, not
// at all: one that has it inside cannot be removed.
CloneTarget BuilderTarget(const ContainerPlan& plan, const CloneTarget& target, const ClonedProcess& init) {
  if (MayBeWatched(plan)) return {};
  return {.cgroup = target.cgroup,
          .pid_namespace = init.pidfd.get(),
          .own_pid_namespace = target.own_pid_namespace};
}

Result<FirstProcesses> CloneInitAndBuilder(InitInputs& inputs, CloneTarget target, int sync) {
  auto [init_end, builder_end] = TRY(FramePair());
  target.user_namespace = inputs.pod->user.get();
  target.descriptors = DescriptorsOfWaitingInit(inputs, sync, init_end.get());
  ClonedProcess init = TRY(Clone(target));
  if (init.pid == 0) RunWaitingInit(inputs, sync, init_end.get());
  Result<ClonedProcess> builder = Clone(BuilderTarget(inputs.plan, target, init));
  if (!builder) {
    [[maybe_unused]] Result<> killed = init.pidfd.Signal(SIGKILL);
    if (LacksFirstProcess(builder.error())) return FirstProcesses{std::move(init), PidFd()};  // it says why
    return std::unexpected(builder.error());
  }
  if (builder->pid == 0) {
    init_end.Reset();
    RunTreeBuilder(inputs, sync, builder_end.get());
  }
  return FirstProcesses{std::move(init), std::move(builder->pidfd)};
}

Result<FirstProcesses> CloneFirst(InitInputs& inputs, const CloneTarget& target, int sync) {
  bool makes_pid_namespace_inside = !inputs.plan.ids.empty() && inputs.plan.pid == NamespaceUse::kOwn;
  if (makes_pid_namespace_inside || MayBeWatched(inputs.plan))
    return CloneInitAndBuilder(inputs, target, sync);
  ClonedProcess init = TRY(Clone(target));
  if (init.pid == 0) RunContainerInit(inputs, sync);
  return FirstProcesses{std::move(init), PidFd()};
}

}  // namespace

Result<> Container::Start(const PodContext& pod, const StartContainer& request, RoleFds fds) {
  InitInputs inputs;
  inputs.plan = TRY(DecodePlan(request.plan, fds, pod, live_.container_id));
  if (fds.seccomp) inputs.process.seccomp_program = TRY(ReadSeccompProgram(fds.seccomp.get()));
  Streams streams = TRY(MakeStreams(inputs.plan));
  SyncPair sync = TRY(MakeSyncPair());
  Progress progress = TRY(Progress::Make());
  CloneTarget target{.namespaces = inputs.plan.pid == NamespaceUse::kOwn ? uint64_t{CLONE_NEWPID} : 0,
                     .cgroup = fds.cgroup.unified.get(),
                     .pid_namespace = TRY(PidNamespaceOf(inputs.plan, pod, fds)),
                     .own_pid_namespace = env_.own.pid_namespace.get()};
  inputs.own = &env_.own;
  inputs.pod = pod.namespaces;
  inputs.cgroup = &fds.cgroup;
  inputs.rootfs = std::move(fds.rootfs);
  inputs.images = std::move(fds.images);
  inputs.host_mounts = std::move(fds.host_mounts);
  inputs.cgroup_dir = std::move(fds.cgroup_dir);
  inputs.progress = &progress;
  inputs.process.stdio[0] = streams.stdin_read.get();
  inputs.process.stdio[1] = streams.out.write.get();
  inputs.process.stdio[2] = streams.err.write.get();
  inputs.process.spare_null = env_.null_fd;
  TRY(GiveToRootOf(inputs.plan.ids, inputs.process.stdio));

  auto [child, builder] = TRY(CloneFirst(inputs, target, sync.child.get()));
  has_terminal_ = inputs.plan.process.terminal;
  stdin_once_ = inputs.plan.stdin_once;
  ids_ = inputs.plan.ids;
  own_pid_namespace_ = inputs.plan.pid == NamespaceUse::kOwn;
  user_ = inputs.plan.process.user;
  live_.pid = child.pid;
  pidfd_ = std::move(child.pidfd);
  builder_ = std::move(builder);
  cgroup_ = std::move(fds.cgroup);
  stdin_pipe_ = std::move(streams.stdin_write);
  log_ = std::make_unique<LogPump>(env_.loop, env_.log_buffers, std::move(fds.log));
  Watch(std::move(streams.out.read), std::move(streams.err.read));
  Follow(std::move(sync.shim), request.timeout_ms, inputs.plan.process, std::move(progress));
  return {};
}

void Container::Follow(UniqueFd sync, uint32_t timeout_ms, const ProcessPlan& plan, Progress progress) {
  Launch::Options options;
  options.subject = live_.container_id;
  options.timeout_ms = timeout_ms;
  options.placement = {plan.rlimits, plan.oom_score_adj};
  options.progress = std::move(progress);
  options.on_console = [this](UniqueFd controller) { Watch(std::move(controller), {}); };
  launch_ = std::make_unique<Launch>(
      env_, live_.pid, pidfd_, std::move(sync), std::move(options),
      [this](Result<Identity> identity) { OnStarted(std::move(identity)); },
      [this](ExitStatus status) { OnInitExit(status); });
  launch_->Begin();  // may end in OnStarted at once
}

void Container::Watch(UniqueFd out, UniqueFd err) {
  Result<> watched = log_->Start(std::move(out), std::move(err));
  if (watched) return;
  env_.log.Log(LogLevel::kError, "cannot watch container output",
               {{"container", live_.container_id}, {"error", watched.error().ToString()}});
}

}  // namespace davit
