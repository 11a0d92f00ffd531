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

// 0 if neither names one.
Result<int32_t> NamedStopSignal(const api::ContainerSpec& spec, const images::ImageConfig& image) {
  if (spec.stop_signal() != 0) return spec.stop_signal();
  if (image.stop_signal.empty()) return 0;
  return cri::StopSignalOf(::runtime::v1::SIGNAL_RUNTIME_DEFAULT, image.stop_signal);
}

cri::LocalRow RowOf(LocalRecord record, const api::ContainerSpec& spec) {
  record.spec = spec.SerializeAsString();
  return {record.id, Encode(record)};
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

LocalContainerPtr LocalContainers::MakeContainer(LocalRecord record, LocalContainer::SpecPtr spec) {
  auto write = [&store = ports_.store, spec](const LocalRecord& changed,
                                             cri::RecordWriter::OnWritten on_written) {
    if (changed.gone) return cri::PendingWrite(Result<>());  // it has no row any more
    return store.QueueLocal(RowOf(changed, *spec), std::move(on_written));
  };
  auto released = [this](const LocalContainer& container, bool missed) { Schedule(container, missed); };
  LocalContainer::Parts parts{spec, ports_.images.Hold(record.chain_ids), std::move(write), released};
  return std::make_shared<LocalContainer>(std::move(record), std::move(parts), ports_.clock);
}

// The log is there from the beginning, so that it can be followed before the first start.
Result<> LocalContainers::MakeDirectory(const std::string& id) const {
  std::string directory = DirectoryOf(id);
  if (mkdir(directory.c_str(), 0700) < 0) return SystemError("mkdir", directory);
  TRY(OpenAt(AT_FDCWD, directory + "/" + kLogName, O_WRONLY | O_CREAT | O_EXCL, 0640));
  return {};
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
  record.command_line = TRY(CommandLine(spec, config));
  record.stop_signal = TRY(NamedStopSignal(spec, config));
  record.created_at = ports_.clock.UnixNanoseconds();
  TRY(BuildPodRequest(spec, record, DirectoryOf(record.id)));  // for its errors
  TRY(PrepareSources(spec));

  LocalContainerPtr container = MakeContainer(record, std::make_shared<const api::ContainerSpec>(spec));
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
  rollback.Add([directory = DirectoryOf(record.id)] {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  });
  TRY(MakeDirectory(record.id));
  TRY(container->record().Change([](LocalRecord&) {}));  // writes it
  rollback.Dismiss();
  return Created{record.id, record.name, DirectoryOf(record.id) + "/" + kLogName};
}

}  // namespace davit::local
