// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/compose/image_documents.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "images/digest.h"

namespace davit::images {
namespace {

constexpr size_t kMostLayers = 500;  // as in image_config.cc

struct MediaTypes {
  const char* manifest;
  const char* config;
  const char* layer;
};
constexpr MediaTypes kOci = {"application/vnd.oci.image.manifest.v1+json",
                             "application/vnd.oci.image.config.v1+json",
                             "application/vnd.oci.image.layer.v1.tar+gzip"};
constexpr MediaTypes kDocker = {"application/vnd.docker.distribution.manifest.v2+json",
                                "application/vnd.docker.container.image.v1+json",
                                "application/vnd.docker.image.rootfs.diff.tar.gzip"};

nlohmann::json& JsonListMember(nlohmann::json& object, const char* name) {
  const nlohmann::json* member = JsonMember(object, name);
  if (member == nullptr || !member->is_array()) SetJsonMember(object, name, nlohmann::json::array());
  return *object.find(name);
}

nlohmann::json ListOf(const std::vector<std::string>& texts) {
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

std::string NameIn(const std::string& assignment) {
  return assignment.substr(0, assignment.find('='));
}

// A variable that is there keeps its place.
void SetVariable(nlohmann::json& env, const std::string& assignment) {
  for (nlohmann::json& known : env) {
    const std::string* text = JsonText(known);
    if (text == nullptr || NameIn(*text) != NameIn(assignment)) continue;
    known = assignment;
    return;
  }
  env.push_back(assignment);
}

void AddKeys(nlohmann::json& config, const char* name, const std::vector<std::string>& keys) {
  if (keys.empty()) return;
  nlohmann::json& object = JsonObjectMember(config, name);
  for (const std::string& key : keys) SetJsonMember(object, key, nlohmann::json::object());
}

void Apply(const ConfigChanges& changes, nlohmann::json& config) {
  if (changes.entrypoint) {
    SetJsonMember(config, "Entrypoint", ListOf(*changes.entrypoint));
    EraseJsonMember(config, "Cmd");
  }
  if (changes.command) SetJsonMember(config, "Cmd", ListOf(*changes.command));
  for (const std::string& assignment : changes.env) SetVariable(JsonListMember(config, "Env"), assignment);
  for (const auto& [name, value] : changes.labels)
    SetJsonMember(JsonObjectMember(config, "Labels"), name, value);
  AddKeys(config, "ExposedPorts", changes.exposed_ports);
  AddKeys(config, "Volumes", changes.volumes);
  if (changes.user) SetJsonMember(config, "User", *changes.user);
  if (changes.working_dir) SetJsonMember(config, "WorkingDir", *changes.working_dir);
  if (changes.stop_signal) SetJsonMember(config, "StopSignal", *changes.stop_signal);
  for (const std::string& instruction : changes.on_build)
    JsonListMember(config, "OnBuild").push_back(instruction);
}

nlohmann::json FirstConfig(const Platform& platform) {
  nlohmann::json config = nlohmann::json::object();
  SetJsonMember(config, "architecture", platform.architecture);
  SetJsonMember(config, "os", platform.os);
  if (!platform.variant.empty()) SetJsonMember(config, "variant", platform.variant);
  return config;
}

void AddLayer(const std::string& diff_id, const HistoryEntry& entry, nlohmann::json& config) {
  nlohmann::json& rootfs = JsonObjectMember(config, "rootfs");
  SetJsonMember(rootfs, "type", "layers");
  JsonListMember(rootfs, "diff_ids").push_back(diff_id);
  nlohmann::json step = nlohmann::json::object();
  SetJsonMember(step, "created", entry.created);
  if (!entry.created_by.empty()) SetJsonMember(step, "created_by", entry.created_by);
  if (!entry.author.empty()) SetJsonMember(step, "author", entry.author);
  if (!entry.comment.empty()) SetJsonMember(step, "comment", entry.comment);
  JsonListMember(config, "history").push_back(std::move(step));
  SetJsonMember(config, "created", entry.created);
  if (!entry.author.empty()) SetJsonMember(config, "author", entry.author);
}

nlohmann::json ToJson(const char* media_type, const std::string& digest, int64_t size) {
  nlohmann::json object = nlohmann::json::object();
  SetJsonMember(object, "mediaType", media_type);
  SetJsonMember(object, "digest", digest);
  SetJsonMember(object, "size", size);
  return object;
}

Result<nlohmann::json> FirstManifest(const ImageRecord* base) {
  if (base == nullptr) return nlohmann::json::object();
  nlohmann::json manifest = TRY(ParseJson(base->manifest_json, "manifest"));
  auto parsed = TRY(ParseManifest(base->manifest_json, ""));
  const Manifest* image = std::get_if<Manifest>(&parsed);
  if (image == nullptr || image->artifact)
    return Fail(Code::kInvalidArgument, "make image of", base->id, "it is no container image");
  if (image->layers.size() >= kMostLayers)
    return Fail(Code::kInvalidArgument, "make image of", base->id,
                "it has as many layers as an image can have");
  return manifest;
}

}  // namespace

Result<ImageDocuments> ComposeImage(const ImageRecord* base, const Platform& platform,
                                    const std::vector<ConfigChanges>& changes, const NewLayer& layer,
                                    const HistoryEntry& entry) {
  nlohmann::json manifest = TRY(FirstManifest(base));
  nlohmann::json config =
      base == nullptr ? FirstConfig(platform) : TRY(ParseJson(base->config_json, "image config"));
  for (const ConfigChanges& change : changes) Apply(change, JsonObjectMember(config, "config"));
  AddLayer(layer.diff_id, entry, config);
  // Of Docker's old configs: the container that the base was made of.
  EraseJsonMember(config, "container");
  EraseJsonMember(config, "container_config");
  ImageDocuments documents;
  documents.config_json = PrintJson(config);
  const MediaTypes& types = JsonTextMember(manifest, "mediaType") == kDocker.manifest ? kDocker : kOci;
  SetJsonMember(manifest, "schemaVersion", 2);
  SetJsonMember(manifest, "mediaType", types.manifest);
  SetJsonMember(manifest, "config",
                ToJson(types.config, TRY(Sha256Of(documents.config_json)),
                       static_cast<int64_t>(documents.config_json.size())));
  JsonListMember(manifest, "layers").push_back(ToJson(types.layer, layer.blob.digest, layer.blob.size));
  EraseJsonMember(manifest, "annotations");  // of the base
  EraseJsonMember(manifest, "subject");
  documents.manifest_json = PrintJson(manifest);
  auto parsed = TRY(ParseManifest(documents.manifest_json, ""));
  documents.manifest = std::get<Manifest>(std::move(parsed));
  return documents;
}

}  // namespace davit::images
