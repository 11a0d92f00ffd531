// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The environment variables of one run of a plugin (SPEC.md of CNI v1.1.2, section 2).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/names.h"
#include "cni/subnet.h"

namespace davit::cni {

enum class Command : uint8_t { kAdd, kDel, kCheck, kStatus, kGc, kVersion };

// What CNI_ARGS may ask for, as "IP=10.1.0.5;MAC=02:00:0a:01:00:05".
struct CniArgs {
  std::vector<IpAddress> addresses;
  std::optional<MacAddress> mac;
};

struct Invocation {
  Command command = Command::kVersion;
  std::string container_id;
  std::string netns;      // a path; empty for a DEL after the namespace is gone
  std::string interface;  // in the container
  CniArgs args;
  std::vector<std::string> path;  // directories with other plugins
  bool own_netns_allowed = false;

  // Names the attachment, in aliases of links, too: the container's id, and the interface unless it is eth0.
  std::string Key() const;
};

std::string AttachmentKey(const std::string& container_id, const std::string& interface);

// The value of an environment variable; empty if it is not set.
using Environment = std::function<std::string(const char* name)>;

// kInvalidArgument names each variable that the command needs and that is missing, or the one that is
// malformed. Unknown arguments are malformed unless IgnoreUnknown is set.
Result<Invocation> ReadInvocation(const Environment& environment);

}  // namespace davit::cni
