// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The image configuration (OCI image-spec config.md; Docker's format has the same fields as far as they are
// read here).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace davit::images {

struct ImageConfig {
  std::string os;
  std::string architecture;
  std::string variant;
  std::vector<std::string> diff_ids;  // digests of the uncompressed layers, bottom first

  std::string user;  // as written: "name", "1000:1000"...
  std::string working_dir;
  std::string stop_signal;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;            // "NAME=value"
  std::vector<std::string> volumes;        // paths, sorted
  std::vector<std::string> exposed_ports;  // "80/tcp", sorted
  std::map<std::string, std::string> labels;
};

// The user of a config, as ImageSummary keeps it: cut to 256 bytes, more than any name on Linux has
// (LOGIN_NAME_MAX), in front of a character: the CRI's strings are UTF-8.
std::string SummaryUser(const ImageConfig& config);

// kInvalidArgument when it is not JSON, a field has the wrong type, or a diff id is not a digest.
Result<ImageConfig> ParseImageConfig(std::string_view json);

}  // namespace davit::images
