// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/codec.h"
#include "base/file_io.h"
#include "base/ids.h"
#include "base/rollback.h"
#include "images/image_config.h"
#include "local/local_containers.h"
#include "local/pod_config.h"
#include "local/spec_check.h"

namespace davit::local {
namespace {

cri::LocalRow RowOf(const LocalRecord& record) {
  return {record.id, Encode(record)};
}

cri::LocalRow FirstRowOf(const LocalRecord& record, const Definition& definition) {
  cri::LocalRow row = RowOf(record);
  row.spec = Encode(LocalSpecRecord{definition.spec.SerializeAsString(), definition.command_line});
  return row;
}

}  // namespace

LocalContainers::LocalContainers(Ports ports)
    : ports_(std::move(ports)),
      logs_({ports_.timers, [this](std::function<void()> look) { keeper_.Post(std::move(look)); },
             [this] { return LookAtLogs(); }}),
      keeper_({ports_.runtime.announcer(), ports_.timers, [this](const std::string& id) { OnEnd(id); },
               [this] { OnMissed(); }, [this](const std::string& id) { OnRestart(id); }}) {}

// Containers go on without the daemon, and keep their layers.
LocalContainers::~LocalContainers() {
  logs_.End();
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
  images::LayerHold layers = ports_.images.Hold(record.chain_ids);
  return std::make_shared<LocalContainer>(std::move(record), std::move(definition), std::move(layers),
                                          std::move(write), ports_.clock);
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
  auto definition = std::make_shared<Definition>();
  definition->spec = spec;
  definition->command_line = TRY(CommandLine(spec, TRY(images::ParseImageConfig(image.record.config_json))));
  TRY(CheckCommandLine(definition->command_line));
  record.created_at = ports_.clock.UnixNanoseconds();
  TRY(CheckPod(spec, record, image.record));

  Rollback rollback;
  LocalContainerPtr container = MakeContainer(record, definition);
  // Not to be started before its record and its directory exist.
  LocalContainer::Claim claim = TRY(container->Take(ports_.clock.MonotonicMilliseconds()));
  TRY(roster_.Add(container));
  rollback.Add([this, container] {
    (void)container->record().Change([](LocalRecord& r) { r.gone = true; });
    roster_.Remove(*container);
  });
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
