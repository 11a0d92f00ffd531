// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_config.h"

#include <algorithm>

#include "base/json_object.h"
#include "images/digest.h"

namespace davit::images {
namespace {

// Overlayfs stacks no more lower directories (OVL_MAX_STACK in fs/overlayfs/params.c).
constexpr size_t kMaxLayers = 500;
constexpr size_t kMaxUser = 256;

ImageHealthcheck HealthcheckOf(JsonObject object) {
  ImageHealthcheck check;
  check.test = object.Strings("Test");
  check.interval = object.Integer("Interval");
  check.timeout = object.Integer("Timeout");
  check.start_period = object.Integer("StartPeriod");
  check.start_interval = object.Integer("StartInterval");
  check.retries = object.Integer("Retries");
  return check;
}

}  // namespace

std::string SummaryUser(const ImageConfig& config) {
  size_t end = std::min(config.user.size(), kMaxUser);
  auto splits_character = [&](size_t at) {
    return at < config.user.size() && (static_cast<unsigned char>(config.user[at]) & 0xc0) == 0x80;
  };
  while (end > 0 && splits_character(end)) --end;
  return config.user.substr(0, end);
}

Result<ImageConfig> ParseImageConfig(std::string_view json) {
  JsonObject document = TRY(JsonObject::Parse(json, "image config"));
  ImageConfig image;
  image.os = document.String("os");
  image.architecture = document.String("architecture");
  image.variant = document.String("variant");
  image.diff_ids = document.Object("rootfs").Strings("diff_ids");

  JsonObject config = document.Object("config");
  image.user = config.String("User");
  image.working_dir = config.String("WorkingDir");
  image.stop_signal = config.String("StopSignal");
  image.entrypoint = config.Strings("Entrypoint");
  image.cmd = config.Strings("Cmd");
  image.env = config.Strings("Env");
  image.volumes = config.Keys("Volumes");
  image.exposed_ports = config.Keys("ExposedPorts");
  for (auto& [name, value] : config.StringMap("Labels")) image.labels.emplace(name, value);
  image.healthcheck = HealthcheckOf(config.Object("Healthcheck"));
  image.shell = config.Strings("Shell");
  TRY(document.Check());

  if (image.diff_ids.size() > kMaxLayers) {
    return Fail(Code::kInvalidArgument, "parse", "image config",
                "more layers than overlayfs can stack (500)");
  }
  for (const std::string& diff_id : image.diff_ids) {
    if (!IsDigest(diff_id))
      return Fail(Code::kInvalidArgument, "parse", "image config", "a diff id is no digest");
  }
  return image;
}

}  // namespace davit::images
