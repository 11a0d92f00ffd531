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
  row.spec = Encode(LocalSpecRecord{definition.spec.SerializeAsString(), definition.command_line});
  return row;
}

}  // namespace

LocalContainers::LocalContainers(Ports ports)
    : ports_(std::move(ports)),
      keeper_({ports_.runtime.announcer(), ports_.timers, ports_.clock,
               [this](Lane lane, const std::string& id) { Look(lane, id); },
               [this] { return roster_.Ids(); }}) {}

// Containers go on without the daemon, and keep their layers.
LocalContainers::~LocalContainers() {
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

// What each start would refuse.
Result<> LocalContainers::CheckPod(const api::ContainerSpec& spec, const LocalRecord& record,
                                   const images::ImageRecord& image) const {
  PodRequest request = TRY(BuildPodRequest(spec, record, DirectoryOf(record.id)));
  ::runtime::v1::RunPodSandboxRequest run;
  *run.mutable_config() = request.pod;
  TRY(ports_.runtime.sandboxes().Check(run));
  TRY(ports_.runtime.containers().Check(request.pod, request.container, image));
  std::vector<std::string> required;
  for (const api::BindMount& mount : spec.mounts())
    if (!mount.create_source()) required.push_back(mount.source());
  return sources_.Check(required);
}

Result<LocalContainers::Created> LocalContainers::Create(const std::string& name,
                                                         const api::ContainerSpec& spec) {
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
  record.stop_signal = TRY(NamedStopSignal(spec, config));
  record.created_at = ports_.clock.UnixNanoseconds();
  TRY(CheckPod(spec, record, image.record));

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
  rollback.Dismiss();
  return Created{record.id, record.name, DirectoryOf(record.id) + "/" + kLogName};
}

}  // namespace davit::local
