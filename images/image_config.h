// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The image configuration (OCI image-spec config.md; Docker's format has the same fields as far as they are
// read here).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace davit::images {

// How to find out whether a container of the image works. Times are nanoseconds; 0: the default.
struct ImageHealthcheck {
  std::vector<std::string> test;  // "CMD", "CMD-SHELL" or "NONE", and the command; empty: there is none
  int64_t interval = 0;
  int64_t timeout = 0;
  int64_t start_period = 0;
  int64_t start_interval = 0;
  int64_t retries = 0;
};

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
  ImageHealthcheck healthcheck;    // only in Docker's format, as `shell`
  std::vector<std::string> shell;  // of commands that are one line; empty: /bin/sh -c
};

// The user of a config, as ImageSummary keeps it: cut to 256 bytes, more than any name on Linux has
// (LOGIN_NAME_MAX), in front of a character: the CRI's strings are UTF-8.
std::string SummaryUser(const ImageConfig& config);

// kInvalidArgument when it is not JSON, a field has the wrong type, or a diff id is not a digest.
Result<ImageConfig> ParseImageConfig(std::string_view json);

}  // namespace davit::images
