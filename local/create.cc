// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/codec.h"
#include "base/file_io.h"
#include "base/ids.h"
#include "base/rollback.h"
#include "cri/spec/stop_signal.h"
#include "images/image_config.h"
#include "local/local_containers.h"
#include "local/pod_config.h"
#include "local/spec_check.h"
#include "local/spec_update.h"
#include "local/volume_plan.h"

namespace davit::local {
namespace {

cri::LocalRow RowOf(const LocalRecord& record) {
  return {record.id, Encode(record)};
}

// 0 if neither names one.
Result<int32_t> NamedStopSignal(const api::ContainerSpec& spec, const images::ImageConfig& image) {
  if (spec.stop_signal() != 0) return spec.stop_signal();
  if (image.stop_signal.empty()) return 0;
  return cri::StopSignalOf(::runtime::v1::SIGNAL_RUNTIME_DEFAULT, image.stop_signal);
}

cri::LocalRow FirstRowOf(const LocalRecord& record, const Definition& definition) {
  cri::LocalRow row = RowOf(record);
  row.spec = Encode(
      LocalSpecRecord{definition.spec.SerializeAsString(), definition.command_line, definition.volumes});
  return row;
}

}  // namespace

LocalContainers::LocalContainers(Ports ports)
    : ports_(std::move(ports)),
      health_({ports_.runtime.execs(), ports_.clock,
               [this](const std::string& id, int64_t at_ms) { keeper_.LookAt(Lane::kHealth, id, at_ms); },
               [this](const std::string& id, api::HealthState::Status status) { NoteHealth(id, status); }}),
      keeper_({ports_.runtime.announcer(), ports_.timers, ports_.clock,
               [this](Lane lane, const std::string& id) { Look(lane, id); },
               [this] { return roster_.Ids(); }}) {}

// Containers go on without the daemon, and keep their layers. Health checks plan nothing once the keeper
// ends.
LocalContainers::~LocalContainers() {
  health_.End();
  ports_.images.KeepReleased();
}

LocalContainerPtr LocalContainers::MakeContainer(LocalRecord record,
                                                 LocalContainer::DefinitionPtr definition) {
  bool readable = definition->unreadable.empty();
  auto write = [&store = ports_.store, readable](const LocalRecord& changed,
                                                 cri::RecordWriter::OnWritten on_written) {
    // A removed one has no row any more.
    if (changed.gone || !readable) return cri::PendingWrite(Result<>());
    return store.QueueLocal(RowOf(changed), std::move(on_written));
  };
  auto released = [this](const LocalContainer& container, bool missed) { Schedule(container, missed); };
  LocalContainer::Parts parts{std::move(definition), ports_.images.Hold(record.chain_ids), std::move(write),
                              released};
  return std::make_shared<LocalContainer>(std::move(record), std::move(parts), ports_.clock);
}

// The log is there from the beginning, so that it can be followed before the first start.
Result<> LocalContainers::MakeDirectory(const std::string& id) const {
  std::string directory = DirectoryOf(id);
  if (mkdir(directory.c_str(), 0700) < 0) return SystemError("mkdir", directory);
  TRY(OpenAt(AT_FDCWD, directory + "/" + kLogName, O_WRONLY | O_CREAT | O_EXCL, 0640));
  return {};
}

// A record is as durable as the container's layer (pod_config.cc).
Result<> LocalContainers::MakeRecordDurable(const LocalContainer& container) const {
  return container.spec().auto_remove() ? Result<>() : ports_.store.MakeDurable();
}

Result<PodRequest> LocalContainers::PodRequestOf(const Definition& definition,
                                                 const LocalRecord& record) const {
  std::vector<VolumeBind> volumes;
  for (const VolumeUse& use : definition.volumes)
    volumes.push_back({ports_.volumes.DataOf(use.volume), use.target, use.read_only});
  return BuildPodRequest(SpecInForce(definition.spec, record), record, DirectoryOf(record.id), volumes);
}

// The last container first: its mounts count more.
Result<std::vector<VolumeUse>> LocalContainers::TakeMountsOfOthers(api::ContainerSpec& spec) const {
  std::vector<VolumeUse> volumes;
  for (int i = spec.volumes_from_size() - 1; i >= 0; --i) {
    const api::VolumesFrom from = spec.volumes_from(i);
    Result<LocalContainerPtr> other = roster_.Find(from.container());
    // A client takes kNotFound for an image that is missing.
    if (!other) return Fail(Code::kInvalidArgument, "volumes_from", from.container(), other.error().context);
    TRY((*other)->CheckReadable("mount the volumes of container"));
    TakeMounts({(*other)->spec(), (*other)->volumes(), from.read_only()}, spec, volumes);
  }
  if (spec.volumes_from_size() > 0) TRY(CheckSpec(spec));
  return volumes;
}

// What each start would refuse.
Result<> LocalContainers::CheckPod(const Definition& definition, const LocalRecord& record,
                                   const images::ImageRecord& image) const {
  PodRequest request = TRY(PodRequestOf(definition, record));
  ::runtime::v1::RunPodSandboxRequest run;
  *run.mutable_config() = request.pod;
  TRY(ports_.runtime.sandboxes().Check(run));
  TRY(ports_.runtime.containers().Check(request.pod, request.container, image, request.extras));
  std::vector<std::string> required;
  for (const api::BindMount& mount : definition.spec.mounts())
    if (!mount.create_source()) required.push_back(mount.source());
  return sources_.Check(required);
}

// Until then the record says that it is being made: a crash must not leave volumes of a container that nobody
// knows.
Result<> LocalContainers::MakeVolumes(LocalContainer& container, const std::function<bool()>& gone,
                                      Rollback& rollback) {
  const std::vector<VolumeUse>& uses = container.volumes();
  if (uses.empty()) return {};
  LocalRecord record = container.record().Get();
  auto made = TRY(ports_.volumes.Mount(record.id, uses, record.chain_ids, gone));
  rollback.Add([this, id = record.id, &uses, made] { ports_.volumes.Unmount(id, uses, made); });
  return container.record().TryChange(Made);
}

Result<LocalContainers::Created> LocalContainers::Create(const std::string& name,
                                                         const api::ContainerSpec& spec,
                                                         const std::function<bool()>& gone) {
  TRY(CheckSpec(spec));
  if (!name.empty()) TRY(CheckContainerName(name));
  images::HeldImage image = TRY(ports_.images.FindAndHold(spec.image()));
  LocalRecord record;
  record.id = TRY(NewId());
  record.name = name.empty() ? NameFromImage(spec.image(), record.id) : name;
  record.image_id = image.record.id;
  record.chain_ids = image.record.chain_ids;
  const images::ImageConfig config = TRY(images::ParseImageConfig(image.record.config_json));
  auto definition = std::make_shared<Definition>();
  definition->spec = spec;
  definition->command_line = TRY(CommandLine(spec, config));
  TRY(CheckCommandLine(definition->command_line));
  *definition->spec.mutable_health() = HealthCheckOf(spec.health(), config);
  TRY(CheckSpec(definition->spec));
  const std::vector<VolumeUse> taken = TRY(TakeMountsOfOthers(definition->spec));
  definition->volumes = TRY(PlanVolumes(definition->spec, config, taken));
  if (!definition->volumes.empty()) record.status = Status::kMaking;
  record.stop_signal = TRY(NamedStopSignal(spec, config));
  record.created_at = ports_.clock.UnixNanoseconds();
  TRY(CheckPod(*definition, record, image.record));

  LocalContainerPtr container = MakeContainer(record, definition);
  // Not to be started before its record and its directory exist, nor if they fail to: the claim outlives the
  // rollback.
  LocalContainer::Claim claim = TRY(container->Take(ports_.clock.MonotonicMilliseconds()));
  Rollback rollback;
  TRY(roster_.Add(container));
  rollback.Add([this, container] {
    container->SetGone();
    (void)container->record().Change([](LocalRecord& r) { r.gone = true; });
    roster_.Remove(*container);
  });
  TRY(ports_.networks.AddMember(record.id, record.name, spec));
  rollback.Add([this, id = record.id] { ports_.networks.RemoveMember(id); });
  TRY(ports_.images.Settle(record.image_id));  // who removes it from now on knows of the container
  rollback.Add([directory = DirectoryOf(record.id)] {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  });
  TRY(MakeDirectory(record.id));
  TRY(ports_.store.AddLocal(FirstRowOf(record, *definition)));
  rollback.Add([this, id = record.id] { (void)ports_.store.DeleteLocal(id); });
  TRY(MakeVolumes(*container, gone, rollback));
  TRY(MakeRecordDurable(*container));
  rollback.Dismiss();
  Note(*container, "create");
  return Created{record.id, record.name, DirectoryOf(record.id) + "/" + kLogName};
}

}  // namespace davit::local
