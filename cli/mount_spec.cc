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
  return Fail(Code::kInvalidArgument, "-v", text, why + "; write HOST_PATH:CONTAINER_PATH[:ro|rw]");
}

std::unexpected<Error> BadMount(const std::string& text, const std::string& why) {
  return Fail(Code::kInvalidArgument, "--mount", text,
              why + "; write type=bind,source=HOST_PATH,target=CONTAINER_PATH[,readonly]");
}

}  // namespace

Result<api::BindMount> ParseVolumeFlag(const std::string& text) {
  std::vector<std::string> parts = Split(text, ':');
  if (parts.size() == 1) return BadVolume(text, "anonymous volumes are not supported yet");
  if (parts.size() > 3) return BadVolume(text, "it has too many colons");
  api::BindMount mount;
  std::string source = parts[0];
  if (source.starts_with('.')) source = std::filesystem::absolute(source).lexically_normal().string();
  if (!source.starts_with('/')) return BadVolume(text, "named volumes are not supported yet");
  if (!parts[1].starts_with('/')) return BadVolume(text, "the path in the container is not absolute");
  mount.set_source(source);
  mount.set_target(parts[1]);
  mount.set_create_source(true);
  if (parts.size() == 2 || parts[2] == "rw") return mount;
  if (parts[2] != "ro") return BadVolume(text, "the option " + parts[2] + " is not supported yet");
  mount.set_read_only(true);
  return mount;
}

Result<api::BindMount> ParseMountFlag(const std::string& text) {
  api::BindMount mount;
  std::string type = "volume";  // Docker's default
  for (const std::string& part : Split(text, ',')) {
    size_t equals = part.find('=');
    std::string key = part.substr(0, equals);
    std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (key == "type") {
      type = value;
    } else if (key == "source" || key == "src") {
      mount.set_source(value.starts_with('.') ? std::filesystem::absolute(value).lexically_normal().string()
                                              : value);
    } else if (key == "target" || key == "dst" || key == "destination") {
      mount.set_target(value);
    } else if (key == "readonly" || key == "ro") {
      mount.set_read_only(value.empty() || value == "true" || value == "1");
    } else {
      return BadMount(text, "the option " + key + " is not supported yet");
    }
  }
  if (type != "bind") return BadMount(text, "mounts of type " + type + " are not supported yet");
  if (!mount.source().starts_with('/')) return BadMount(text, "the source is not an absolute path");
  if (!mount.target().starts_with('/')) return BadMount(text, "the target is not an absolute path");
  return mount;
}

}  // namespace davit::cli
