// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/background.h"
#include "base/rollback.h"
#include "cri/pods/names.h"
#include "cri/runtime/containers.h"
#include "cri/runtime/record_writers.h"

namespace davit::cri {
namespace {

Result<> ValidateContainerConfig(const v1::CreateContainerRequest& request) {
  auto require = [](const std::string& field, const std::string& value) -> Result<> {
    if (value.empty()) return Fail(Code::kInvalidArgument, "validate", field, "it is empty");
    return {};
  };
  TRY(require("pod_sandbox_id", request.pod_sandbox_id()));
  TRY(require("config.metadata.name", request.config().metadata().name()));
  return require("config.image.image", request.config().image().image());
}

// The image of a container and those that are its volumes.
struct Images {
  images::HeldImage root;
  std::vector<images::HeldImage> volumes;
  std::vector<ImageVolumeRecord> volume_records;
};

Result<Images> FindImages(images::ImageLookup& lookup, const v1::ContainerConfig& config) {
  Images images{TRY(lookup.FindAndHold(config.image().image())), {}, {}};
  for (const v1::Mount& mount : config.mounts()) {
    if (!mount.has_image()) continue;
    Result<images::HeldImage> image = lookup.FindAndHold(mount.image().image());
    if (!image) {
      return std::unexpected(WithReason(Reason::kImageVolumeMountFailed,
                                        Within("image volume " + mount.container_path(), image.error())));
    }
    images.volume_records.push_back({ImageRefOf(image->record, mount.image()), image->record.chain_ids});
    images.volumes.push_back(std::move(*image));
  }
  return images;
}

Result<> PrepareWritableLayer(snapshotter::Snapshots& snapshots, const ContainerRecord& record,
                              const std::optional<KeptLayer>& kept) {
  if (kept && !kept->may_be_new) return {};
  snapshotter::LayerLife life = kept ? kept->life : snapshotter::LayerLife::kOneRun;
  Result<> prepared = snapshots.Prepare(record.WritableLayer(), record.chain_ids, life);
  bool exists = !prepared && prepared.error().code == Code::kAlreadyExists;
  return kept && exists ? Result<>() : prepared;
}

}  // namespace

Result<v1::CreateContainerResponse> Containers::Create(const v1::CreateContainerRequest& request, Call& call,
                                                       const ContainerExtras& extras) {
  TRY(ValidateContainerConfig(request));
  SandboxPtr sandbox = TRY(ports_.pods.FindSandbox(request.pod_sandbox_id(), call.owner));
  std::string name = ContainerName(request.config().metadata(), sandbox->id());
  OncePerName::Turn turn = TRY(names_.Take(name, FingerprintOf(request.config())));
  v1::CreateContainerResponse response;
  if (turn.owner()) {
    Result<std::string> made = MakeContainer(sandbox, request, call, extras);
    turn.Settle(made);
    response.set_container_id(TRY(std::move(made)));
    return response;
  }
  response.set_container_id(TRY(turn.Join(call.deadline_ms)));
  Result<ContainerPtr> holder = ports_.pods.FindContainer(response.container_id(), call.owner);
  if (holder && (*holder)->record().Read(phases::IsPlanned)) return response;
  return Fail(Code::kAlreadyExists, "reserve name", name,
              "held by container " + response.container_id() + ", which has been started");
}

// A created container is a record with its plan and an empty writable layer: no process, no cgroup, no mount.
Result<std::string> Containers::MakeContainer(const SandboxPtr& sandbox,
                                              const v1::CreateContainerRequest& request, Call& call,
                                              const ContainerExtras& extras) {
  if (!sandbox->ready()) {
    return Fail(Code::kFailedPrecondition, "create container in sandbox", sandbox->id(),
                "the sandbox is not ready");
  }
  Images images = TRY(FindImages(ports_.images, request.config()));
  auto config = std::make_shared<const v1::ContainerConfig>(request.config());
  ContainerRecord record = TRY(ports_.planner.Plan(*sandbox, *config, images.root.record, extras));
  record.image_volumes = images.volume_records;
  if (extras.kept_layer) record.kept_layer = extras.kept_layer->id;
  call.spans.Mark("plan");

  // The writable layer needs no record before it: recovery removes those that no record names.
  Rollback rollback;
  rollback.Add([&] { (void)RemoveWritableLayer(record); });
  Background<> layer(ports_.workers,
                     [&] { return PrepareWritableLayer(ports_.snapshots, record, extras.kept_layer); });
  TRY(ports_.records.PutContainer(RowOf(record, *config)));
  rollback.Add([&] { (void)ports_.records.DeleteContainer(record.id); });
  ports_.confinement.HoldLevel(record.id, config->linux().security_context().selinux_options().level());
  rollback.Add([&] { ports_.confinement.GiveLevelBack(record.id); });
  TRY(layer.Wait());
  auto container =
      std::make_shared<Container>(record, config, sandbox, ports_.images.Hold(record.AllLayers()),
                                  ContainerWriter(ports_.records, config));
  TRY(ports_.pods.AddContainer(container));
  rollback.Dismiss();
  ports_.announcer.Announce(*container);
  call.spans.Mark("record");
  return record.id;
}

Result<> Containers::RemoveWritableLayer(const ContainerRecord& record) {
  return record.kept_layer ? Result<>() : ports_.snapshots.RemoveContainer(record.id);
}

}  // namespace davit::cri
