// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/background.h"
#include "base/codec.h"
#include "base/memfd.h"
#include "base/ns_handle.h"
#include "cri/runtime/log_file.h"
#include "cri/runtime/runtime.h"
#include "cri/runtime/start_error.h"
#include "cri/runtime/start_frame.h"

namespace davit {
namespace {

// A bind source on a dead server may never open; this is how long a start waits for it.
constexpr uint32_t kStartTimeoutMs = 60'000;

}  // namespace

Result<v1::StartContainerResponse> Runtime::StartContainer(const v1::StartContainerRequest& request,
                                                           Call& call) {
  ContainerPtr container = TRY(pods_.FindContainer(request.container_id()));
  bool owner = false;
  bool in_flight = false;
  TRY(container->record().TryChange([&](ContainerRecord& r) {
    owner = r.phase == ContainerPhase::kCreated;
    in_flight = r.phase == ContainerPhase::kStarting;
    if (owner) r.phase = ContainerPhase::kStarting;
    return owner;
  }));
  call.spans.Mark("claim");
  if (owner) {
    Result<> launched = LaunchContainer(container, call);
    if (!launched) {
      MarkStartFailed(container, launched.error());
      return std::unexpected(
          Within("start container " + container->config().metadata().name(), launched.error()));
    }
    shims_.Refill(std::chrono::milliseconds(0));
    return v1::StartContainerResponse();
  }
  if (!in_flight)
    return Fail(Code::kFailedPrecondition, "start container", container->id(), "it has been started already");
  return JoinStart(*container, call);
}

// A retry waits for the start in flight and shares its outcome.
Result<v1::StartContainerResponse> Runtime::JoinStart(const Container& container, const Call& call) {
  auto settled = [](const ContainerRecord& r) { return r.phase != ContainerPhase::kStarting; };
  if (!container.record().WaitUntil(settled, call.deadline_ms)) {
    return Fail(Code::kDeadlineExceeded, "start container", container.id(),
                "an earlier request is still starting it");
  }
  ContainerRecord record = container.record().Get();
  if (record.reason == kStartErrorReason)
    return Fail(Code::kInternal, "start container", container.id(), record.message);
  return v1::StartContainerResponse();
}

Result<> Runtime::LaunchContainer(const ContainerPtr& container, Call& call) {
  if (!container->sandbox().ready()) {
    return Fail(Code::kFailedPrecondition, "start container in sandbox", container->sandbox().id(),
                "the sandbox is not ready");
  }
  ContainerRecord record = container->record().Get();
  Result<ContainerStarted> started = SendStart(container, record, call);
  if (!started) {
    (void)RemoveCgroupOf(*container);  // idempotent; recovery removes what cannot go now
    return std::unexpected(std::move(started).error());
  }
  return {};
}

// Everything the container's init needs comes along as descriptors: the shim resolves no path of the host.
Result<ContainerStarted> Runtime::SendStart(const ContainerPtr& container, const ContainerRecord& record,
                                            Call& call) {
  ContainerPlan plan = TRY(Decode<ContainerPlan>(record.plan, "plan of " + record.id));
  std::shared_ptr<ShimLink> link = TRY(LinkOf(container->sandbox()));
  Background<ShimCgroupFds> cgroup(workers_, [&]() -> Result<ShimCgroupFds> {
    CgroupResources resources = TRY(ResourcesFromCri(ResourcesOf(*container)));
    TRY(host_.cgroups.Create(record.cgroup_path, resources, DeviceRulesOf(plan)));
    return host_.cgroups.OpenForShim(record.cgroup_path);
  });
  StartFrame frame;
  frame.Add(FdRole::kPlan, TRY(MakeSealedMemfd("container-plan", record.plan)));
  UniqueFd user_namespace = TRY(container->sandbox().DuplicateUserNamespace());
  const FileView view{user_namespace.get(), plan.process.selinux.value.files};
  frame.Add(FdRole::kRootfs, TRY(host_.snapshotter.Mount(record.id, record.chain_ids, view)));
  for (const ImageVolumeRecord& volume : record.image_volumes)
    frame.Add(FdRole::kImage, TRY(host_.snapshotter.MountImage(volume.chain_ids, view)));
  call.spans.Mark("mount");

  frame.Add(FdRole::kHostMounts, TRY(NsHandle::OfSelf("mnt")).Take());
  frame.Add(FdRole::kCgroupDir, TRY(host_.cgroups.OpenMountPoint()));
  if (plan.process.seccomp) frame.Add(FdRole::kSeccomp, TRY(SeccompFilterOf(container->config(), plan)));
  if (plan.pid == NamespaceUse::kTarget) {
    ContainerPtr target = TRY(TargetOf(container->sandbox(), container->config()));
    frame.Add(FdRole::kTargetPid, TRY(target->DuplicateProcess()));
  }
  if (!record.log_path.empty()) {
    frame.Add(FdRole::kLog,
              TRY(OpenLog(container->sandbox().config().log_directory(), container->config().log_path())));
  }
  call.spans.Mark("descriptors");
  frame.AddCgroup(TRY(cgroup.Wait()));
  call.spans.Mark("cgroup");

  ::davit::StartContainer message{record.id, kStartTimeoutMs, frame.roles()};
  Frame reply =
      TRY(link->Call(ShimMessage::kStartContainer, Encode(message), frame.fds(), OperationDeadline()));
  call.spans.Mark("init");
  ContainerStarted started = TRY(Decode<ContainerStarted>(reply.payload, "ContainerStarted"));
  TRY(MarkStarted(container, started, reply.fds.empty() ? UniqueFd() : std::move(reply.fds[0])));
  call.spans.Mark("record");
  return started;
}

Result<> Runtime::MarkStarted(const ContainerPtr& container, const ContainerStarted& started, UniqueFd init) {
  container->SetProcess(PidFd(std::move(init)));
  Result<> recorded = container->record().Change([&started](ContainerRecord& r) {
    r.started_at = started.started_at;
    r.pid = started.pid;
    r.uid = started.uid;
    r.gid = started.gid;
    r.groups = started.groups;
    // The event of a short life may have overtaken this answer on its way through the threads.
    if (r.phase == ContainerPhase::kStarting) r.phase = ContainerPhase::kRunning;
  });
  Announce(*container);
  return recorded;
}

void Runtime::MarkStartFailed(const ContainerPtr& container, const Error& error) {
  int64_t now = UnixNanoseconds();
  (void)container->record().TryChange([&](ContainerRecord& r) {
    if (r.phase != ContainerPhase::kStarting) return false;
    r.phase = ContainerPhase::kExited;
    r.exit_code = kStartErrorCode;
    r.reason = kStartErrorReason;
    r.message = error.ToString();
    r.started_at = now;
    r.finished_at = now;
    return true;
  });
  Announce(*container);
}

}  // namespace davit
