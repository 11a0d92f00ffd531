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
#include "local/volume_plan.h"

namespace davit::local {
namespace {

// Docker's -v makes a directory, its --mount does not.
Result<> PrepareSources(const api::ContainerSpec& spec) {
  for (const api::BindMount& mount : spec.mounts()) {
    struct stat st{};
    if (stat(mount.source().c_str(), &st) == 0) continue;
    if (errno != ENOENT) return SystemError("stat", mount.source());
    if (!mount.create_source()) {
      return Fail(Code::kInvalidArgument, "mount", mount.source(),
                  "the source of the bind mount does not exist");
    }
    std::error_code made;
    std::filesystem::create_directories(mount.source(), made);
    if (made) return SystemError("mkdir", mount.source(), made.value());
  }
  return {};
}

cri::LocalRow RowOf(LocalRecord record, const api::ContainerSpec& spec) {
  record.spec = spec.SerializeAsString();
  return {record.id, Encode(record)};
}

}  // namespace

LocalContainers::LocalContainers(Ports ports)
    : ports_(std::move(ports)),
      keeper_({ports_.runtime.announcer(), ports_.timers, [this](const std::string& id) { OnEnd(id); },
               [this] { OnMissed(); }, [this](const std::string& id) { OnRestart(id); }}) {}

// Containers go on without the daemon, and keep their layers.
LocalContainers::~LocalContainers() {
  ports_.images.KeepReleased();
}

LocalContainerPtr LocalContainers::MakeContainer(LocalRecord record, LocalContainer::SpecPtr spec) {
  auto write = [&store = ports_.store, spec](const LocalRecord& changed,
                                             cri::RecordWriter::OnWritten on_written) {
    if (changed.gone) return cri::PendingWrite(Result<>());  // it has no row any more
    return store.QueueLocal(RowOf(changed, *spec), std::move(on_written));
  };
  images::LayerHold layers = ports_.images.Hold(record.chain_ids);
  return std::make_shared<LocalContainer>(std::move(record), spec, std::move(layers), std::move(write),
                                          ports_.clock);
}

// The log is there from the beginning, so that it can be followed before the first start.
Result<> LocalContainers::MakeDirectory(const std::string& id) const {
  std::string directory = DirectoryOf(id);
  if (mkdir(directory.c_str(), 0700) < 0) return SystemError("mkdir", directory);
  TRY(OpenAt(AT_FDCWD, directory + "/" + kLogName, O_WRONLY | O_CREAT | O_EXCL, 0640));
  return {};
}

Result<PodRequest> LocalContainers::PodRequestOf(const api::ContainerSpec& spec,
                                                 const LocalRecord& record) const {
  return BuildPodRequest(spec, record, DirectoryOf(record.id),
                         [this](const std::string& volume) { return ports_.volumes.DataOf(volume); });
}

// A crash must not leave volumes that nobody knows.
Result<> LocalContainers::MakeVolumes(LocalContainer& container, const std::function<bool()>& gone,
                                      Rollback& rollback) {
  rollback.Add([this, id = container.id()] { (void)ports_.store.DeleteLocal(id); });
  TRY(container.record().Change([](LocalRecord&) {}));
  LocalRecord record = container.record().Get();
  auto made = TRY(ports_.volumes.Mount(record.id, record.volumes, record.chain_ids, gone));
  rollback.Add([this, record, made] { ports_.volumes.Unmount(record.id, record.volumes, made); });
  return {};
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
  images::ImageConfig config = TRY(images::ParseImageConfig(image.record.config_json));
  record.command_line = TRY(CommandLine(spec, config));
  record.volumes = TRY(PlanVolumes(spec, config));
  record.making = !record.volumes.empty();
  record.created_at = ports_.clock.UnixNanoseconds();
  TRY(PodRequestOf(spec, record));  // for its errors
  TRY(PrepareSources(spec));

  Rollback rollback;
  LocalContainerPtr container = MakeContainer(record, std::make_shared<const api::ContainerSpec>(spec));
  // Not to be started before its record and its directory exist.
  LocalContainer::Claim claim = TRY(container->Take(ports_.clock.MonotonicMilliseconds()));
  TRY(roster_.Add(container));
  rollback.Add([this, container] {
    (void)container->record().Change([](LocalRecord& r) { r.gone = true; });
    roster_.Remove(*container);
  });
  rollback.Add([directory = DirectoryOf(record.id)] {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  });
  TRY(MakeDirectory(record.id));
  if (record.making) TRY(MakeVolumes(*container, gone, rollback));
  TRY(container->record().Change([](LocalRecord& r) { r.making = false; }));  // writes it
  rollback.Dismiss();
  return Created{record.id, record.name, DirectoryOf(record.id) + "/" + kLogName};
}

}  // namespace davit::local
