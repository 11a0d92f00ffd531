// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/result_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/file_io.h"
#include "base/json.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;

constexpr char kKind[] = "cniCacheV1";
constexpr char kOwner[] = "davitOwner";
constexpr size_t kMaxFileBytes = 8 << 20;  // a configuration has at most 1 MiB, and is stored as base64
constexpr mode_t kForRoot = 0600;

std::string FileName(const std::string& network, const std::string& container_id,
                     const std::string& interface) {
  return network + "-" + container_id + "-" + interface;
}

std::string Print(const CachedAttachment& attachment) {
  Json args = Json::array();
  for (const auto& [name, value] : attachment.args) args.push_back(Json::array({name, value}));
  Json capabilities = Json::object();
  for (const auto& [name, value] : attachment.capabilities)
    SetJsonMember(capabilities, name, JsonOrNull(value));
  Json file = {{"kind", kKind},
               {"containerId", attachment.container_id},
               {"config", EncodeBase64(attachment.config)},
               {"ifName", attachment.interface},
               {"networkName", attachment.network},
               {"netns", attachment.netns_path},
               {"cniArgs", std::move(args)},
               {"capabilityArgs", std::move(capabilities)},
               {"result", JsonOrNull(attachment.result)}};
  if (!attachment.owner.empty()) SetJsonMember(file, kOwner, attachment.owner);
  return PrintJson(file);
}

// A pair of texts each.
std::vector<std::pair<std::string, std::string>> ParseArgs(const Json* args) {
  std::vector<std::pair<std::string, std::string>> parsed;
  if (args == nullptr || !args->is_array()) return parsed;
  for (const Json& pair : *args) {
    if (!pair.is_array() || pair.size() != 2) continue;
    const std::string* name = JsonText(pair[0]);
    const std::string* value = JsonText(pair[1]);
    if (name != nullptr && value != nullptr) parsed.emplace_back(*name, *value);
  }
  return parsed;
}

CapabilityArguments ParseCapabilities(const Json* capabilities) {
  CapabilityArguments parsed;
  if (capabilities == nullptr || !capabilities->is_object()) return parsed;
  for (const auto& [name, value] : capabilities->items()) parsed.emplace(name, PrintJson(value));
  return parsed;
}

Result<> MakeFolder(const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), failed);
  if (mkdir(folder.c_str(), 0700) < 0 && errno != EEXIST) return SystemError("mkdir", folder);
  return {};
}

}  // namespace

Result<CachedAttachment> ParseCachedAttachment(const std::string& text, const std::string& path) {
  Json file = TRY(ParseJson(text, path));
  if (JsonTextMember(file, "kind") != kKind)
    return Fail(Code::kInvalidArgument, "read network result", path, "its kind is not " + std::string(kKind));
  std::optional<std::string> config = DecodeBase64(JsonTextMember(file, "config"));
  if (!config) return Fail(Code::kInvalidArgument, "read network result", path, "config is not base64");
  CachedAttachment attachment{.network = JsonTextMember(file, "networkName"),
                              .container_id = JsonTextMember(file, "containerId"),
                              .interface = JsonTextMember(file, "ifName"),
                              .netns_path = JsonTextMember(file, "netns"),
                              .config = std::move(*config),
                              .args = ParseArgs(JsonMember(file, "cniArgs")),
                              .capabilities = ParseCapabilities(JsonMember(file, "capabilityArgs")),
                              .result = "",
                              .owner = JsonTextMember(file, kOwner)};
  if (const Json* result = JsonMember(file, "result")) attachment.result = PrintJson(*result);
  return attachment;
}

Result<> ResultCache::Put(const CachedAttachment& attachment) const {
  if (directory_.empty()) return {};
  TRY(MakeFolder(Folder()));
  UniqueFd folder = TRY(OpenAt(AT_FDCWD, Folder(), O_PATH | O_DIRECTORY));
  return WriteFileAtomically(folder.get(),
                             FileName(attachment.network, attachment.container_id, attachment.interface),
                             Print(attachment), kForRoot, Durability::kVolatile);
}

Result<CachedAttachment> ResultCache::Get(const std::string& network, const std::string& container_id,
                                          const std::string& interface) const {
  if (directory_.empty())
    return Fail(Code::kNotFound, "read network result", container_id, "there is no cache");
  return Read(FileName(network, container_id, interface));
}

Result<CachedAttachment> ResultCache::Read(const std::string& name) const {
  std::string path = Folder() + "/" + name;
  return ParseCachedAttachment(TRY(ReadFile(path, kMaxFileBytes)), path);
}

Result<> ResultCache::Remove(const std::string& network, const std::string& container_id,
                             const std::string& interface) const {
  if (directory_.empty()) return {};
  std::string path = Folder() + "/" + FileName(network, container_id, interface);
  if (unlink(path.c_str()) < 0 && errno != ENOENT) return SystemError("unlink", path);
  return {};
}

std::vector<CachedAttachment> ResultCache::List() const {
  std::vector<std::string> names;
  std::error_code failed;
  for (std::filesystem::directory_iterator it(Folder(), failed), end; !failed && it != end;
       it.increment(failed))
    if (std::string name = it->path().filename(); !name.starts_with('.')) names.push_back(std::move(name));
  std::ranges::sort(names);
  std::vector<CachedAttachment> attachments;
  for (const std::string& name : names)
    if (Result<CachedAttachment> attachment = Read(name)) attachments.push_back(std::move(*attachment));
  return attachments;
}

}  // namespace davit::cni
