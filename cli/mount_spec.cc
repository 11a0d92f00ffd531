// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/mount_spec.h"

#include <filesystem>
#include <vector>

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
                  "type=volume,[source=VOLUME,]target=CONTAINER_PATH[,readonly][,volume-nocopy]");
}

// What both kinds of mounts have.
struct MountWords {
  std::string source;
  std::string target;
  bool read_only = false;
  bool no_copy = false;
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
    } else if (key != "volume-driver" || value != "local") {
      return BadMount(text, "the option " + part + " is not supported");
    }
  }
  if (!words.target.starts_with('/')) return BadMount(text, "the target is not an absolute path");
  if (type == "volume") {
    if (words.source.starts_with('/') || words.source.starts_with('.'))
      return BadMount(text, "the source is a path, which needs type=bind");
    AddVolume(words, spec);
    return {};
  }
  if (type != "bind") return BadMount(text, "mounts of type " + type + " are not supported yet");
  if (words.no_copy) return BadMount(text, "volume-nocopy needs type=volume");
  words.source = AbsoluteSource(words.source);
  if (!words.source.starts_with('/')) return BadMount(text, "the source is not an absolute path");
  AddBind(words, /*create_source=*/false, spec);
  return {};
}

}  // namespace davit::cli
