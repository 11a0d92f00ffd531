// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What configuration values must look like. Each returns the complaint, or nothing when the value is good.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace davit {

using Complaint = std::optional<std::string>;

// Absolute, no "." or ".." or empty component, no slash at the end (but "/" itself when `root_allowed`).
Complaint CheckAbsolutePath(const std::string& path, bool root_allowed = false);

// "unix://" and an absolute path that fits into sockaddr_un.
Complaint CheckListenAddress(const std::string& address);

// What the kernel accepts as a link's name (dev_valid_name in net/core/dev.c).
Complaint CheckLinkName(const std::string& name);

// CIDR networks without host bits, at most one of each family; room for a gateway and one pod.
Complaint CheckSubnets(const std::vector<std::string>& subnets);

// "HOST:PORT" with a numeric host, IPv6 in brackets.
Complaint CheckNumericAddress(const std::string& address);

// What Kubernetes takes as the handler of a RuntimeClass: a DNS label (RFC 1123), in lower case.
Complaint CheckHandlerName(const std::string& name);

// "90s", "10m", "4h", in milliseconds; nothing when it is none, or no time at all.
std::optional<int64_t> ParseDuration(const std::string& text);

}  // namespace davit
