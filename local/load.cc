// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <filesystem>

#include "base/codec.h"
#include "local/local_containers.h"

namespace davit::local {
namespace {

namespace fs = std::filesystem;

struct Loaded {
  LocalRecord record;
  std::shared_ptr<Definition> definition = std::make_shared<Definition>();
  bool volumes_known = false;
};

// On an error `loaded` has what was read before it.
Result<> Read(const cri::LocalRow& row, Loaded& loaded) {
  const std::string name = "of container " + row.id;
  auto spec = Decode<LocalSpecRecord>(row.spec, "spec " + name);
  loaded.volumes_known = spec && !spec->spec.empty();
  if (loaded.volumes_known) loaded.definition->volumes = std::move(spec->volumes);
  TRY(codec::DecodeMessage(codec::kTypeOf<LocalRecord>, &loaded.record, row.blob, "record " + name));
  // No bytes at all are a record, too: one whose fields are all absent.
  if (loaded.record.id != row.id)
    return Fail(Code::kDataLoss, "decode", "record " + name, "it has another id");
  if (!spec) return std::unexpected(std::move(spec).error());
  loaded.definition->command_line = std::move(spec->command_line);
  if (!loaded.definition->spec.ParseFromString(spec->spec))
    return Fail(Code::kDataLoss, "decode", "spec " + name);
  return {};
}

// A container that has ended and is not started again. What is known of its image and of its volumes is kept
// for it.
void Quarantine(const std::string& id, const Error& error, Loaded& loaded) {
  LocalRecord record;
  record.id = id;
  record.name = CheckContainerName(loaded.record.name) ? loaded.record.name : id;
  record.image_id = std::move(loaded.record.image_id);
  record.chain_ids = std::move(loaded.record.chain_ids);
  record.created_at = loaded.record.created_at;
  record.status = Status::kExited;
  record.stopped = true;
  record.exit_code = kLostExitCode;
  record.error = "its record cannot be read: " + error.ToString();
  loaded.record = std::move(record);
  auto definition = std::make_shared<Definition>();
  definition->volumes = std::move(loaded.definition->volumes);
  definition->unreadable = loaded.record.error;
  loaded.definition = std::move(definition);
}

}  // namespace

Result<> LocalContainers::Load() {
  std::error_code made;
  fs::create_directories(ports_.directory, made);
  if (made) return SystemError("mkdir", ports_.directory, made.value());
  fs::permissions(ports_.directory, fs::perms::owner_all, made);
  for (const cri::LocalRow& row : TRY(ports_.store.Locals())) LoadOne(row);
  return {};
}

void LocalContainers::LoadOne(const cri::LocalRow& row) {
  Loaded loaded;
  if (Result<> read = Read(row, loaded); !read) {
    LogProblem("record of a local container not read", row.id, read.error());
    Quarantine(row.id, read.error(), loaded);
  }
  if (loaded.volumes_known)
    ports_.volumes.Adopt(row.id, loaded.definition->volumes);
  else
    ports_.volumes.AdoptUnknown(row.id);
  Result<> member = ports_.networks.AddMember(loaded.record.id, loaded.record.name, loaded.definition->spec);
  if (!member) LogProblem("network of a local container not found", row.id, member.error());
  Result<> added = roster_.Add(MakeContainer(loaded.record, loaded.definition));
  if (added) return;
  // Another one has its name: rather another name than no container.
  loaded.record.name = row.id;
  added = roster_.Add(MakeContainer(std::move(loaded.record), std::move(loaded.definition)));
  if (!added) LogProblem("local container not loaded", row.id, added.error());
}

std::set<std::string> LocalContainers::WritableLayers() const {
  std::set<std::string> layers;
  for (const LocalContainerPtr& container : roster_.All()) layers.insert(container->id());
  return layers;
}

}  // namespace davit::local
