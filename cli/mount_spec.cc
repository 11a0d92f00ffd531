// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/mount_spec.h"

#include <filesystem>
#include <optional>
#include <vector>

#include "base/number.h"
#include "cli/quantity.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;

std::unexpected<Error> BadVolume(const std::string& text, const std::string& why) {
  return Fail(Code::kInvalidArgument, "-v", text,
              why +
                  "; write HOST_PATH:CONTAINER_PATH[:ro|rw], VOLUME:CONTAINER_PATH[:ro|rw][,nocopy] or "
                  "CONTAINER_PATH");
}

std::unexpected<Error> BadMount(const std::string& text, const std::string& why) {
  return Fail(Code::kInvalidArgument, "--mount", text,
              why +
                  "; write type=bind,source=HOST_PATH,target=CONTAINER_PATH[,readonly] or "
                  "type=volume,[source=VOLUME,]target=CONTAINER_PATH[,readonly][,volume-nocopy] or "
                  "type=tmpfs,target=CONTAINER_PATH[,tmpfs-size=BYTES][,tmpfs-mode=MODE]");
}

std::unexpected<Error> BadTmpfs(const std::string& text, const std::string& why) {
  return Fail(
      Code::kInvalidArgument, "--tmpfs", text,
      why +
          "; write CONTAINER_PATH[:OPTION,...] with ro, exec, suid, dev, size=BYTES, mode=MODE, uid=UID "
          "and gid=GID");
}

// "1777"; nullopt if it is no octal mode.
std::optional<uint32_t> ParseMode(const std::string& text) {
  constexpr uint32_t kMostMode = 07777;
  std::optional<uint32_t> mode = WholeNumber<uint32_t>(text, 8);
  return mode && *mode <= kMostMode ? mode : std::nullopt;
}

// What mounts of all kinds have.
struct MountWords {
  std::string source;
  std::string target;
  bool read_only = false;
  bool no_copy = false;
  int64_t size = 0;  // bytes; 0: not given
  std::optional<uint32_t> mode = {};
};

std::string AbsoluteSource(const std::string& source) {
  if (!source.starts_with('.')) return source;
  return std::filesystem::absolute(source).lexically_normal().string();
}

void AddVolume(const MountWords& words, api::ContainerSpec& spec) {
  api::VolumeMount& volume = *spec.add_volumes();
  volume.set_volume(words.source);
  volume.set_target(words.target);
  volume.set_read_only(words.read_only);
  volume.set_no_copy(words.no_copy);
}

void AddBind(const MountWords& words, bool create_source, api::ContainerSpec& spec) {
  api::BindMount& mount = *spec.add_mounts();
  mount.set_source(words.source);
  mount.set_target(words.target);
  mount.set_read_only(words.read_only);
  mount.set_create_source(create_source);
}

void AddTmpfs(const MountWords& words, api::ContainerSpec& spec) {
  api::TmpfsMount& tmpfs = *spec.add_tmpfs();
  tmpfs.set_target(words.target);
  tmpfs.set_read_only(words.read_only);
  tmpfs.set_size_bytes(static_cast<uint64_t>(words.size));
  if (words.mode) tmpfs.set_mode(*words.mode);
}

// Without a value: "exec", "noexec"…
bool TakeTmpfsFlag(const std::string& option, api::TmpfsMount& tmpfs) {
  bool off = option.starts_with("no");
  std::string name = off ? option.substr(2) : option;
  if (name == "exec") {
    tmpfs.set_exec(!off);
  } else if (name == "suid") {
    tmpfs.set_suid(!off);
  } else if (name == "dev") {
    tmpfs.set_dev(!off);
  } else if (option == "ro" || option == "rw") {
    tmpfs.set_read_only(option == "ro");
  } else {
    return false;
  }
  return true;
}

Result<> TakeTmpfsValue(const std::string& text, const std::string& option, api::TmpfsMount& tmpfs) {
  size_t equals = option.find('=');
  std::string key = option.substr(0, equals);
  std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
  if (key == "size") {
    Result<int64_t> bytes = ParseBytes(value);
    if (!bytes || *bytes <= 0) return BadTmpfs(text, "invalid size: " + value);
    tmpfs.set_size_bytes(static_cast<uint64_t>(*bytes));
    return {};
  }
  std::optional<uint32_t> number = key == "mode" ? ParseMode(value) : WholeNumber<uint32_t>(value);
  if (key != "mode" && key != "uid" && key != "gid")
    return BadTmpfs(text, "the option " + option + " is not supported");
  if (!number) return BadTmpfs(text, "invalid " + key + ": " + value);
  if (key == "mode") tmpfs.set_mode(*number);
  if (key == "uid") tmpfs.set_uid(*number);
  if (key == "gid") tmpfs.set_gid(*number);
  return {};
}

Result<> TakeOptions(const std::string& text, const std::string& options, bool is_volume, MountWords& words) {
  for (const std::string& option : Split(options, ',')) {
    if (option == "ro") {
      words.read_only = true;
    } else if (option == "nocopy" && is_volume) {
      words.no_copy = true;
    } else if (option != "rw") {
      return BadVolume(text, "the option " + option + " is not supported yet");
    }
  }
  return {};
}

// "true" without a value, as in Docker.
Result<bool> ParseSwitch(const std::string& text, const std::string& key, const std::string& value) {
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return BadMount(text, "invalid value for " + key + ": " + value);
}

}  // namespace

Result<> AddVolumeFlag(const std::string& text, api::ContainerSpec& spec) {
  std::vector<std::string> parts = Split(text, ':');
  if (parts.size() > 3) return BadVolume(text, "it has too many colons");
  bool anonymous = parts.size() == 1;
  MountWords words{anonymous ? "" : AbsoluteSource(parts[0]), anonymous ? parts[0] : parts[1]};
  bool is_volume = !words.source.starts_with('/');
  if (!anonymous && words.source.empty()) return BadVolume(text, "the source is empty");
  if (!words.target.starts_with('/')) return BadVolume(text, "the path in the container is not absolute");
  if (parts.size() == 3) TRY(TakeOptions(text, parts[2], is_volume, words));
  if (is_volume)
    AddVolume(words, spec);
  else
    AddBind(words, /*create_source=*/true, spec);
  return {};
}

Result<> AddMountFlag(const std::string& text, api::ContainerSpec& spec) {
  MountWords words;
  std::string type = "volume";  // Docker's default
  for (const std::string& part : Split(text, ',')) {
    size_t equals = part.find('=');
    std::string key = part.substr(0, equals);
    std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (key == "type") {
      type = value;
    } else if (key == "source" || key == "src") {
      words.source = value;
    } else if (key == "target" || key == "dst" || key == "destination") {
      words.target = value;
    } else if (key == "readonly" || key == "ro") {
      words.read_only = TRY(ParseSwitch(text, key, value));
    } else if (key == "volume-nocopy") {
      words.no_copy = TRY(ParseSwitch(text, key, value));
    } else if (key == "tmpfs-size") {
      words.size = ParseBytes(value).value_or(0);
      if (words.size <= 0) return BadMount(text, "invalid value for tmpfs-size: " + value);
    } else if (key == "tmpfs-mode") {
      words.mode = ParseMode(value);
      if (!words.mode) return BadMount(text, "invalid value for tmpfs-mode: " + value);
    } else if (key != "volume-driver" || value != "local") {
      return BadMount(text, "the option " + part + " is not supported");
    }
  }
  if (!words.target.starts_with('/')) return BadMount(text, "the target is not an absolute path");
  if (type != "tmpfs" && (words.size > 0 || words.mode))
    return BadMount(text, "tmpfs-size and tmpfs-mode need type=tmpfs");
  if (type != "volume" && words.no_copy) return BadMount(text, "volume-nocopy needs type=volume");
  if (type == "tmpfs") {
    if (!words.source.empty()) return BadMount(text, "a tmpfs has no source");
    AddTmpfs(words, spec);
    return {};
  }
  if (type == "volume") {
    if (words.source.starts_with('/') || words.source.starts_with('.'))
      return BadMount(text, "the source is a path, which needs type=bind");
    AddVolume(words, spec);
    return {};
  }
  if (type != "bind") return BadMount(text, "mounts of type " + type + " are not supported yet");
  words.source = AbsoluteSource(words.source);
  if (!words.source.starts_with('/')) return BadMount(text, "the source is not an absolute path");
  AddBind(words, /*create_source=*/false, spec);
  return {};
}

Result<> AddTmpfsFlag(const std::string& text, api::ContainerSpec& spec) {
  size_t colon = text.find(':');
  api::TmpfsMount tmpfs;
  tmpfs.set_target(text.substr(0, colon));
  if (!tmpfs.target().starts_with('/')) return BadTmpfs(text, "the path is not absolute");
  if (colon != std::string::npos) {
    for (const std::string& option : Split(text.substr(colon + 1), ','))
      if (!option.empty() && !TakeTmpfsFlag(option, tmpfs)) TRY(TakeTmpfsValue(text, option, tmpfs));
  }
  *spec.add_tmpfs() = std::move(tmpfs);
  return {};
}

Result<> AddVolumesFromFlag(const std::string& text, api::ContainerSpec& spec) {
  std::vector<std::string> parts = Split(text, ':');
  bool valid = !parts[0].empty() &&
               (parts.size() == 1 || (parts.size() == 2 && (parts[1] == "ro" || parts[1] == "rw")));
  if (!valid)
    return Fail(Code::kInvalidArgument, "--volumes-from", text, "it is malformed; write CONTAINER[:ro|rw]");
  api::VolumesFrom& from = *spec.add_volumes_from();
  from.set_container(parts[0]);
  from.set_read_only(parts.back() == "ro" && parts.size() == 2);
  return {};
}

}  // namespace davit::cli
