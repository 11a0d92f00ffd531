// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/docker_config.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/file_io.h"
#include "base/json.h"
#include "cli/registry_name.h"

namespace davit::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The keys of `object` that mean this registry: its own key, and other spellings of its address.
std::vector<std::string> KeysOf(const json& object, const std::string& registry) {
  std::vector<std::string> keys;
  if (!object.is_object()) return keys;
  for (const auto& [key, value] : object.items()) {
    if (RegistryHost(key) == registry) keys.push_back(key);
  }
  return keys;
}

// Docker pads passwords with NULs in old files.
std::string WithoutPadding(std::string text) {
  while (text.ends_with('\0')) text.pop_back();
  return text;
}

Result<RegistryLogin> LoginIn(const json& entry, const std::string& what) {
  RegistryLogin login;
  login.identity_token = JsonTextMember(entry, "identitytoken");
  if (!login.identity_token.empty()) return login;
  std::string encoded = JsonTextMember(entry, "auth");
  if (encoded.empty()) return login;
  std::optional<std::string> pair = DecodeBase64(encoded);
  size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos)
    return Fail(Code::kInvalidArgument, "read", what, "`auth` is not base64 of USER:PASSWORD; log in again");
  login.username = pair->substr(0, colon);
  login.password = WithoutPadding(pair->substr(colon + 1));
  return login;
}

json EntryOf(const RegistryLogin& login) {
  if (!login.identity_token.empty()) return {{"identitytoken", login.identity_token}};
  return {{"auth", EncodeBase64(login.username + ":" + login.password)}};
}

// Two logins at the same time change the file one after the other.
Result<UniqueFd> LockDirectory(const std::string& directory) {
  std::error_code failed;
  fs::create_directories(fs::path(directory).parent_path(), failed);
  if (mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST) return SystemError("mkdir", directory);
  UniqueFd fd = TRY(OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  if (TEMP_FAILURE_RETRY(flock(fd.get(), LOCK_EX)) < 0) return SystemError("flock", directory);
  return fd;
}

}  // namespace

Result<DockerConfig> DockerConfig::OfUser(int interrupt_fd) {
  const char* directory = getenv("DOCKER_CONFIG");
  if (directory != nullptr && *directory != '\0') return DockerConfig(directory, interrupt_fd);
  const char* home = getenv("HOME");
  if (home != nullptr && *home != '\0') return DockerConfig(std::string(home) + "/.docker", interrupt_fd);
  return Fail(Code::kFailedPrecondition, "find Docker's configuration", "", "HOME is not set");
}

Result<json> DockerConfig::Read() const {
  Result<std::string> text = ReadFile(path());
  if (!text && text.error().os_errno == ENOENT) return json::object();
  json document = TRY(ParseJson(TRY(std::move(text)), path()));
  if (!document.is_object()) return Fail(Code::kInvalidArgument, "read", path(), "it is not a JSON object");
  return document;
}

// Through a symbolic link, which stays; with the owner of the file that it replaces.
Result<> DockerConfig::Write(const json& document) const {
  std::error_code failed;
  fs::path target = fs::weakly_canonical(path(), failed);
  if (failed) target = path();
  struct stat before{};
  bool existed = stat(target.c_str(), &before) == 0;
  UniqueFd directory = TRY(OpenAt(AT_FDCWD, target.parent_path(), O_RDONLY | O_DIRECTORY));
  TRY(WriteFileAtomically(directory.get(), target.filename(), PrintJson(document, /*indent=*/2) + "\n", 0600,
                          Durability::kDurable));
  bool foreign = existed && (before.st_uid != geteuid() || before.st_gid != getegid());
  if (foreign && fchownat(directory.get(), target.filename().c_str(), before.st_uid, before.st_gid, 0) < 0)
    return SystemError("chown", target.string());
  return {};
}

Result<std::optional<CredentialHelper>> DockerConfig::HelperFor(const json& document,
                                                                const std::string& registry) const {
  std::string name = JsonTextMember(document, "credsStore");
  if (const json* helpers = JsonMember(document, "credHelpers")) {
    for (const std::string& key : KeysOf(*helpers, registry)) name = JsonTextMember(*helpers, key);
  }
  if (name.empty()) return std::nullopt;
  return TRY(CredentialHelper::Find(name, interrupt_fd_));
}

Result<std::optional<RegistryLogin>> DockerConfig::Find(const std::string& registry) const {
  json document = TRY(Read());
  std::optional<CredentialHelper> helper = TRY(HelperFor(document, registry));
  if (helper) return helper->Get(CredentialKey(registry));
  const json* auths = JsonMember(document, "auths");
  if (auths == nullptr) return std::nullopt;
  for (const std::string& key : KeysOf(*auths, registry)) {
    const json* entry = JsonMember(*auths, key);
    if (entry == nullptr) continue;
    RegistryLogin login = TRY(LoginIn(*entry, path() + ", entry " + key));
    if (login != RegistryLogin()) return login;
  }
  return std::nullopt;
}

Result<DockerConfig::Keeper> DockerConfig::Store(const std::string& registry,
                                                 const RegistryLogin& login) const {
  UniqueFd lock = TRY(LockDirectory(directory_));
  json document = TRY(Read());
  std::optional<CredentialHelper> helper = TRY(HelperFor(document, registry));
  if (helper) TRY(helper->Store(CredentialKey(registry), login));
  json& auths = JsonObjectMember(document, "auths");
  for (const std::string& key : KeysOf(auths, registry)) EraseJsonMember(auths, key);
  // With a helper the empty entry says that the registry is known, as docker does it.
  SetJsonMember(auths, CredentialKey(registry), helper ? json::object() : EntryOf(login));
  TRY(Write(document));
  return helper ? Keeper::kHelper : Keeper::kFile;
}

Result<bool> DockerConfig::Erase(const std::string& registry) const {
  if (access(directory_.c_str(), F_OK) < 0 && errno == ENOENT) return false;
  UniqueFd lock = TRY(LockDirectory(directory_));
  json document = TRY(Read());
  std::optional<CredentialHelper> helper = TRY(HelperFor(document, registry));
  bool known = false;
  if (helper) {
    known = TRY(helper->Get(CredentialKey(registry))).has_value();
    if (known) TRY(helper->Erase(CredentialKey(registry)));
  }
  const json* auths = JsonMember(document, "auths");
  std::vector<std::string> keys = auths == nullptr ? std::vector<std::string>() : KeysOf(*auths, registry);
  if (keys.empty()) return known;
  for (const std::string& key : keys) EraseJsonMember(JsonObjectMember(document, "auths"), key);
  TRY(Write(document));
  return true;
}

}  // namespace davit::cli
