// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/recovery_load.h"

#include "base/codec.h"
#include "cri/runtime/record_writers.h"

namespace davit::cri {
namespace {

template <typename Record, typename Config>
struct Loaded {
  Record record;
  std::shared_ptr<const Config> config;
};

template <typename Record, typename Config>
Result<Loaded<Record, Config>> Read(const std::string& blob, const std::string& kind, const std::string& id) {
  std::string name = kind + " " + id;
  Loaded<Record, Config> loaded;
  loaded.record = TRY(Decode<Record>(blob, "record of " + name));
  // No bytes at all are a record, too: one whose fields are all absent.
  if (loaded.record.id != id)
    return Fail(Code::kDataLoss, "decode", "record of " + name, "it has another id");
  auto config = std::make_shared<Config>();
  if (!config->ParseFromString(std::exchange(loaded.record.config, {})))
    return Fail(Code::kDataLoss, "decode", "config of " + name);
  loaded.config = std::move(config);
  return loaded;
}

Owner OwnerOf(const SandboxRow& row) {
  if (row.owner.empty()) return Owner::kCri;
  return row.owner.starts_with(kOwnedByLocal) ? Owner::kLocal : Owner::kUnknown;
}

}  // namespace

Result<std::vector<SandboxPtr>> RecordLoader::Load() {
  for (const SandboxRow& row : TRY(ports_.records.Sandboxes())) LoadSandbox(row);
  for (const ContainerRow& row : TRY(ports_.records.Containers())) LoadContainer(row);
  return sandboxes_;
}

void RecordLoader::LoadSandbox(const SandboxRow& row) {
  if (row.id.empty()) return SetAside("sandbox", "", "its row has no id");
  auto loaded = Read<SandboxRecord, v1::PodSandboxConfig>(row.blob, "sandbox", row.id);
  if (!loaded) return AddUnreadable(row, loaded.error().ToString());
  Add(std::make_shared<Sandbox>(std::move(loaded->record), loaded->config,
                                SandboxWriter(ports_.records, loaded->config)));
}

void RecordLoader::Add(SandboxPtr sandbox) {
  ports_.confinement.HoldLevel(sandbox->id(), sandbox->record().Get().selinux_level);
  ports_.sandboxes.RestoreName(*sandbox);
  ports_.pods.AddSandbox(sandbox);
  sandboxes_.push_back(std::move(sandbox));
}

// The path of the cgroup whose name has the id, as both drivers name them; empty if there is none.
std::string RecordLoader::FindCgroup(const std::vector<std::string>& parents, const std::string& id) const {
  if (id.empty()) return "";  // every name would have it
  for (const std::string& parent : parents) {
    const std::vector<std::string> names =
        ports_.cgroups.Children(parent).value_or(std::vector<std::string>());
    for (const std::string& name : names) {
      if (name.contains(id)) return parent + "/" + name;
    }
  }
  return "";
}

// Its row stays as it is, for a daemon that can read it, until the sandbox is removed.
void RecordLoader::AddUnreadable(const SandboxRow& row, const std::string& reason) {
  const std::string& id = row.id;
  SandboxRecord record = phases::NewSandbox(id, ports_.clock.UnixNanoseconds());
  record.owner = OwnerOf(row);
  record.cgroup_parent = FindCgroup(ports_.cgroups.placement().OwnPodParents(), id);
  record.own_cgroup_parent = !record.cgroup_parent.empty();
  auto config = std::make_shared<v1::PodSandboxConfig>();
  v1::PodSandboxMetadata& metadata = *config->mutable_metadata();  // crictl refuses a pod that lacks one
  metadata.set_name(id);
  metadata.set_namespace_("unknown");
  metadata.set_uid(record.owner == Owner::kLocal ? row.owner.substr(kOwnedByLocal.size()) : id);
  auto unwritten = [](const SandboxRecord&, const PodStore::OnWritten&) { return PendingWrite(Result<>()); };
  Add(std::make_shared<Sandbox>(std::move(record), std::move(config), unwritten));
  Quarantine(sandboxes_.back(), reason);
}

void RecordLoader::LoadContainer(const ContainerRow& row) {
  if (row.id.empty()) return SetAside("container", "", "its row has no id; its sandbox is " + row.sandbox_id);
  if (row.sandbox_id.empty()) return SetAside("container", row.id, "its row names no sandbox");
  SandboxPtr sandbox = SandboxOf(row.sandbox_id);
  auto loaded = Read<ContainerRecord, v1::ContainerConfig>(row.blob, "container", row.id);
  if (!loaded) return AddUnreadable(row, sandbox, loaded.error().ToString());
  const ContainerRecord& record = loaded->record;
  ports_.confinement.HoldLevel(record.id,
                               loaded->config->linux().security_context().selinux_options().level());
  images::LayerHold layers = ports_.images.Hold(record.AllLayers());
  auto container =
      std::make_shared<Container>(std::move(loaded->record), loaded->config, sandbox, std::move(layers),
                                  ContainerWriter(ports_.records, loaded->config));
  ports_.containers.RestoreName(*container);
  ports_.pods.RestoreContainer(std::move(container));
}

// An ended container whose process, if there is one, is killed when its shim is met.
void RecordLoader::AddUnreadable(const ContainerRow& row, const SandboxPtr& sandbox,
                                 const std::string& reason) {
  ContainerRecord record = phases::NewContainer(row.id, row.sandbox_id, ports_.clock.UnixNanoseconds());
  const std::string parent = sandbox->record().Get().cgroup_parent;
  if (!parent.empty()) record.cgroup_path = FindCgroup({parent}, row.id);
  phases::BeginStart(record);
  phases::Lost(record, reason, record.created_at);
  auto config = std::make_shared<v1::ContainerConfig>();
  config->mutable_metadata()->set_name(row.id);
  auto unwritten = [](const ContainerRecord&, const PodStore::OnWritten&) {
    return PendingWrite(Result<>());
  };
  ports_.pods.RestoreContainer(std::make_shared<Container>(std::move(record), std::move(config), sandbox,
                                                           images::LayerHold(), unwritten));
  Quarantine(sandbox, reason);
}

// One whose row is missing is quarantined, too: a container never stands alone.
SandboxPtr RecordLoader::SandboxOf(const std::string& id) {
  if (Result<SandboxPtr> found = ports_.pods.FindSandbox(id)) return *found;
  AddUnreadable(SandboxRow{id, ""}, "it has containers and no record");
  return sandboxes_.back();
}

// An object without an id can be listed, but neither found nor removed. Its row stays as it is.
void RecordLoader::SetAside(const std::string& kind, const std::string& id, const std::string& reason) {
  set_aside_.push_back({kind, id, reason});
}

void RecordLoader::Quarantine(const SandboxPtr& sandbox, const std::string& reason) {
  quarantined_.try_emplace(sandbox->id(), reason);
  (void)sandbox->record().TryChange([&reason](SandboxRecord& r) { return phases::Fail(r, reason); });
}

}  // namespace davit::cri
