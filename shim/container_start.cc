// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include "base/codec.h"
#include "base/time.h"
#include "shim/clone.h"
#include "shim/container.h"
#include "shim/init/container_init.h"
#include "shim/init/seccomp.h"
#include "shim/init/stdio.h"
#include "shim/oom.h"

namespace davit::shim {
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

// Whether one process builds the container's files and another one becomes its first (container_init.h).
bool TakesTwo(const ContainerPlan& plan) {
  bool makes_pid_namespace_inside = !plan.ids.empty() && plan.pid == NamespaceUse::kOwn;
  return makes_pid_namespace_inside || MayBeWatched(plan);
}

// A builder that may hang joins the container's v1 cgroups later, and its v2 cgroup, which would be dear, not
// at all: one that has it inside cannot be removed.
CloneTarget BuilderTarget(const ContainerPlan& plan, const CloneTarget& target, const PidFd& init) {
  if (MayBeWatched(plan)) return {};
  return {
      .cgroup = target.cgroup, .pid_namespace = init.get(), .own_pid_namespace = target.own_pid_namespace};
}

}  // namespace

// What the first processes are made from.
struct Container::Building {
  InitInputs inputs;
  CloneTarget target;
  SyncPair sync;
  Streams streams;
  // Between the two processes, where it takes two.
  UniqueFd init_end;
  UniqueFd builder_end;
};

// Here, where Building is complete.
Container::Container(Environment& env, std::string id, Callbacks callbacks)
    : env_(env), callbacks_(std::move(callbacks)) {
  live_.container_id = std::move(id);
}

Container::~Container() = default;

Result<> Container::Start(const PodContext& pod, const StartContainer& request, RoleFds fds) {
  auto building = std::make_unique<Building>();
  InitInputs& inputs = building->inputs;
  inputs.plan = TRY(DecodePlan(request.plan, fds, pod, live_.container_id));
  if (fds.seccomp) inputs.process.seccomp_program = TRY(ReadSeccompProgram(fds.seccomp.get()));
  building->streams = TRY(MakeStreams(inputs.plan));
  building->sync = TRY(MakeSyncPair());
  progress_ = TRY(Progress::Make());
  building->target = {.namespaces = inputs.plan.pid == NamespaceUse::kOwn ? uint64_t{CLONE_NEWPID} : 0,
                      .cgroup = fds.cgroup.unified.get(),
                      .pid_namespace = TRY(PidNamespaceOf(inputs.plan, pod, fds)),
                      .own_pid_namespace = env_.own.pid_namespace.get()};
  cgroup_ = std::move(fds.cgroup);
  if (cgroup_.parent_oom) parent_oom_kills_ = TRY(ReadOomKills(cgroup_.parent_oom.get()));
  inputs.own = &env_.own;
  inputs.pod = pod.namespaces;
  inputs.cgroup = &cgroup_;
  inputs.rootfs = std::move(fds.rootfs);
  inputs.images = std::move(fds.images);
  inputs.host_mounts = std::move(fds.host_mounts);
  inputs.cgroup_dir = std::move(fds.cgroup_dir);
  inputs.progress = &*progress_;
  inputs.process.stdio[0] = building->streams.stdin_read.get();
  inputs.process.stdio[1] = building->streams.out.write.get();
  inputs.process.stdio[2] = building->streams.err.write.get();
  inputs.process.spare_null = env_.null_fd;
  TRY(GiveToRootOf(inputs.plan.ids, inputs.process.stdio));

  has_terminal_ = inputs.plan.process.terminal;
  stdin_once_ = inputs.plan.stdin_once;
  ids_ = inputs.plan.ids;
  own_pid_namespace_ = inputs.plan.pid == NamespaceUse::kOwn;
  user_ = inputs.plan.process.user;
  AttachedClient client;
  if (request.attachment) {
    inputs.window = request.attachment->window;
    client = {std::move(fds.stdout_fd), std::move(fds.stderr_fd), std::move(fds.cut_off), /*patient=*/true};
  }
  return Begin(std::move(building), request.timeout_ms, std::move(fds.log), std::move(client));
}

Result<> Container::Begin(std::unique_ptr<Building> building, uint32_t timeout_ms, UniqueFd log,
                          AttachedClient client) {
  bool by_helper = TakesTwo(building->inputs.plan);
  ClonedProcess first = TRY(by_helper ? CloneInitByHelper(*building) : CloneInit(*building));
  stdin_pipe_ = std::move(building->streams.stdin_write);
  log_ = std::make_unique<LogPump>(env_, std::move(log));
  AttachEarly(std::move(client));
  Watch(std::move(building->streams.out.read), std::move(building->streams.err.read));
  UniqueFd sync = std::move(building->sync.shim);
  const ProcessPlan& process = building->inputs.plan.process;
  Placement placement{process.rlimits, process.oom_score_adj};
  pid_t helper = by_helper ? first.pid : 0;
  if (by_helper) {
    building->streams = {};  // the first process has them
    building_ = std::move(building);
  } else {
    Take(std::move(first));
    building.reset();  // what the child has of it must be the child's alone
  }
  Follow(std::move(sync), timeout_ms, helper, std::move(placement));
  return {};
}

Result<ClonedProcess> Container::CloneInit(Building& building) {
  ClonedProcess init = TRY(Clone(building.target));
  if (init.pid == 0) RunContainerInit(building.inputs, building.sync.child.get());
  return init;
}

Result<ClonedProcess> Container::CloneInitByHelper(Building& building) {
  InitInputs& inputs = building.inputs;
  std::tie(building.init_end, building.builder_end) = TRY(FramePair());
  int sync = building.sync.child.get();
  building.target.user_namespace = inputs.pod->user.get();
  building.target.descriptors = DescriptorsOfWaitingInit(inputs, sync, building.init_end.get());
  ClonedProcess helper = TRY(CloneByHelper(building.target, sync));
  if (helper.pid == 0) RunWaitingInit(inputs, sync, building.init_end.get());
  building.init_end.Reset();
  return helper;
}

void Container::Take(ClonedProcess init) {
  live_.pid = init.pid;
  pidfd_ = std::move(init.pidfd);
}

// The builder is cloned into what the first process has made.
Result<> Container::OnBorn(ClonedProcess init) {
  Take(std::move(init));
  std::unique_ptr<Building> building = std::move(building_);
  InitInputs& inputs = building->inputs;
  for (int& stream : inputs.process.stdio) stream = -1;  // not the builder's
  Result<ClonedProcess> builder = Clone(BuilderTarget(inputs.plan, building->target, pidfd_));
  if (!builder) {
    if (LacksFirstProcess(builder.error())) return {};  // it says why
    return std::unexpected(builder.error());
  }
  if (builder->pid == 0) RunTreeBuilder(inputs, building->sync.child.get(), building->builder_end.get());
  builder_ = std::move(builder->pidfd);
  return {};
}

void Container::Follow(UniqueFd sync, uint32_t timeout_ms, pid_t helper, Placement placement) {
  Launch::Options options;
  options.subject = live_.container_id;
  options.timeout_ms = timeout_ms;
  options.placement = std::move(placement);
  options.progress = &*progress_;
  options.helper = helper;
  options.on_born = [this](ClonedProcess init) { return OnBorn(std::move(init)); };
  options.on_console = [this](UniqueFd controller) { Watch(std::move(controller), {}); };
  launch_ = std::make_unique<Launch>(
      env_, live_.pid, pidfd_, std::move(sync), std::move(options),
      [this](Result<Identity> identity) { OnStarted(std::move(identity)); },
      [this](ExitStatus status) { OnInitExit(status); });
  launch_->Begin();  // may end in OnStarted at once
}

void Container::OnStarted(Result<Identity> identity) {
  std::unique_ptr<Launch> launch = std::move(launch_);  // it is calling: lives until the end of this function
  auto on_started = std::move(callbacks_.on_started);   // may destroy this object
  PidFd builder = std::move(builder_);
  building_.reset();
  progress_.reset();
  // It may hang in a source that never opens.
  if (!identity && builder.valid()) [[maybe_unused]]
    Result<> killed = builder.Signal(SIGKILL);
  if (!identity) return on_started(std::unexpected(WhyNotStarted(std::move(identity).error())));
  live_.started_at = UnixNanoseconds();
  live_.uid = identity->uid;
  live_.gid = identity->gid;
  live_.groups = identity->groups;
  identity_ = std::move(*identity);
  running_ = true;
  on_started({});
}

// A client that cannot be served finds its pipes closed; the container starts all the same.
void Container::AttachEarly(AttachedClient client) {
  if (Result<> attached = log_->AttachEarly(std::move(client)); !attached)
    env_.log.Log(LogLevel::kError, "cannot attach a client",
                 {{"container", live_.container_id}, {"error", attached.error().ToString()}});
}

void Container::Watch(UniqueFd out, UniqueFd err) {
  Result<> watched = log_->Start(std::move(out), std::move(err));
  if (watched) return;
  env_.log.Log(LogLevel::kError, "cannot watch container output",
               {{"container", live_.container_id}, {"error", watched.error().ToString()}});
}

}  // namespace davit::shim
