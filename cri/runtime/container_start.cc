// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/background.h"
#include "base/codec.h"
#include "base/guarded.h"
#include "base/memfd.h"
#include "base/ns_handle.h"
#include "base/rollback.h"
#include "cri/runtime/client_streams.h"
#include "cri/runtime/containers.h"
#include "cri/runtime/log_file.h"
#include "cri/runtime/pod_status.h"
#include "cri/spec/devices.h"

namespace davit::cri {
namespace {

// A bind source on a dead server may never open; this is how long a start waits for it.
constexpr uint32_t kStartTimeoutMs = 60'000;

// The shim knows that memory did not suffice to start; the limit is known here.
Error NameMemoryLimit(const Container& container, Error error) {
  int64_t limit = ResourcesOf(container).memory_limit_in_bytes();
  if (error.code == Code::kResourceExhausted && limit > 0)
    error.context += " (memory limit " + std::to_string(limit) + " bytes)";
  return error;
}

Result<> AddMounts(snapshotter::Snapshots& snapshots, const Container& container,
                   const ContainerRecord& record, const shim::ContainerPlan& plan, StartFrame& frame) {
  UniqueFd user_namespace = TRY(container.sandbox().DuplicateUserNamespace());
  const snapshotter::FileView view{user_namespace.get(), plan.process.selinux.files};
  frame.Add(shim::FdRole::kRootfs, TRY(snapshots.Mount(record.WritableLayer(), record.chain_ids, view)));
  for (const ImageVolumeRecord& volume : record.image_volumes) {
    Result<UniqueFd> image = snapshots.MountImage(volume.chain_ids, view);
    if (!image) return std::unexpected(WithReason(Reason::kImageVolumeMountFailed, image.error()));
    frame.Add(shim::FdRole::kImage, std::move(*image));
  }
  return {};
}

Result<> AddDescriptors(const Containers::Ports& ports, const Container& container,
                        const ContainerRecord& record, const shim::ContainerPlan& plan, StartFrame& frame) {
  frame.Add(shim::FdRole::kHostMounts, TRY(NsHandle::OfSelf("mnt")).Take());
  frame.Add(shim::FdRole::kCgroupDir, TRY(ports.cgroups.OpenMountPoint()));
  if (plan.process.seccomp)
    frame.Add(shim::FdRole::kSeccomp,
              TRY(ports.confinement.SeccompFilterOf(container.config(), plan.process)));
  if (plan.pid == shim::NamespaceUse::kTarget) {
    ContainerPtr target = TRY(ports.planner.TargetOf(container.sandbox(), container.config()));
    frame.Add(shim::FdRole::kTargetPid, TRY(target->DuplicateProcess()));
  }
  if (!record.log_path.empty()) {
    frame.Add(shim::FdRole::kLog,
              TRY(OpenLog(container.sandbox().config().log_directory(), container.config().log_path())));
  }
  return {};
}

// Everything the container's init needs comes along as descriptors: the shim resolves no path of the host.
// `placeholder` becomes that of the container's cgroup.
Result<ContainerLaunch> PrepareLaunch(const Containers::Ports& ports, const ContainerPtr& container,
                                      Call& call, Placeholder& placeholder) {
  if (!container->sandbox().ready()) {
    return Fail(Code::kFailedPrecondition, "start container in sandbox", container->sandbox().id(),
                "the sandbox is not ready");
  }
  ContainerRecord record = container->record().Get();
  shim::ContainerPlan plan = TRY(Decode<shim::ContainerPlan>(record.plan, "plan of " + record.id));
  Background<ContainerCgroup> cgroup(ports.workers, [&]() -> Result<ContainerCgroup> {
    CgroupResources resources = TRY(ResourcesFromCri(ResourcesOf(*container)));
    return ports.cgroups.CreateContainer(record.cgroup_path, resources, DeviceRulesOf(plan));
  });
  ContainerLaunch launch{record.id, kStartTimeoutMs, record.plan, {}};
  TRY(AddMounts(ports.snapshots, *container, record, plan, launch.frame));
  call.spans.Mark("mount");
  TRY(AddDescriptors(ports, *container, record, plan, launch.frame));
  call.spans.Mark("descriptors");
  ContainerCgroup made = TRY(cgroup.Wait());
  launch.frame.AddCgroup(std::move(made.fds));
  placeholder = std::move(made.placeholder);
  call.spans.Mark("cgroup");
  return launch;
}

}  // namespace

Result<v1::StartContainerResponse> Containers::Start(const v1::StartContainerRequest& request, Call& call,
                                                     AttachedStart* attached) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(request.container_id(), call.owner));
  OncePerName::Turn turn = TRY(starts_.Take(container->id(), /*fingerprint=*/""));
  call.spans.Mark("claim");
  if (!turn.owner()) {
    TRY(turn.Join(call.deadline_ms));
    return v1::StartContainerResponse();
  }
  Result<> launched = Launch(container, call, attached);
  Result<std::string> outcome = container->id();
  if (!launched)
    outcome =
        std::unexpected(Within("start container " + container->config().metadata().name(), launched.error()));
  turn.Settle(outcome);
  starts_.Release(container->id(), container->id());  // a later start is another one, and refused
  TRY(std::move(outcome));
  ports_.shims.Refill(std::chrono::milliseconds(0));
  return v1::StartContainerResponse();
}

Result<> Containers::Launch(const ContainerPtr& container, Call& call, AttachedStart* attached) {
  Rollback landed;
  container->SetStartInFlight(true);
  landed.Add([&container] { container->SetStartInFlight(false); });
  bool begun = false;
  Result<> recorded =
      container->record().TryChange([&begun](ContainerRecord& r) { return begun = phases::BeginStart(r); });
  if (!begun)
    return Fail(Code::kFailedPrecondition, "start container", container->id(), "it has been started already");
  auto run = [&]() -> Result<> {
    TRY(recorded);
    ShimPtr shim = TRY(container->sandbox().LiveShim());
    Placeholder placeholder;  // until init has joined the cgroup
    ContainerLaunch launch = TRY(PrepareLaunch(ports_, container, call, placeholder));
    ClientStreams streams;
    if (attached != nullptr) {
      streams = TRY(AddAttachment(launch.frame));
      launch.attachment = attached->wanted;
    }
    Result<StartedContainer> ran = shim->StartContainer(std::move(launch), OperationDeadline());
    if (!ran) return std::unexpected(NameMemoryLimit(*container, std::move(ran).error()));
    call.spans.Mark("init");
    streams.AddInput(std::move(ran->input));
    TRY(ports_.watch.Started(container, std::move(*ran)));
    call.spans.Mark("record");
    // The container runs also without its client, if that has left meanwhile.
    if (attached != nullptr) (void)streams.SendTo(attached->connection.get());
    return {};
  };
  Result<> outcome = Guarded("launch", container->id(), run);
  if (outcome) return {};
  // Idempotent; the container's removal removes what cannot be removed now.
  (void)Guarded("remove", "cgroup", [&] { return ports_.cleanup.RemoveCgroup(*container); });
  ports_.watch.StartFailed(container, outcome.error());
  return outcome;
}

}  // namespace davit::cri
