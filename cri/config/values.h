// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checks of configuration values. Each returns an error message, or nullopt if the value is valid.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace davit::cri {

using Complaint = std::optional<std::string>;

// Absolute; without ".", ".." and empty components; without a slash at the end ("/" itself is valid if
// `root_allowed`).
Complaint CheckAbsolutePath(const std::string& path, bool root_allowed = false);

// "unix://" and an absolute path that fits into sockaddr_un.
Complaint CheckListenAddress(const std::string& address);

// A network interface name that the kernel accepts (dev_valid_name in net/core/dev.c).
Complaint CheckLinkName(const std::string& name);

// CIDR networks without host bits, at most one per address family, each large enough for a gateway and one
// pod.
// Networks such as "10.0.0.0/8", any number of each family.
Complaint CheckNetworks(const std::vector<std::string>& networks);
Complaint CheckSubnets(const std::vector<std::string>& subnets);

// "HOST:PORT" with a numeric host, IPv6 in brackets.
Complaint CheckNumericAddress(const std::string& address);

// A valid handler of a Kubernetes RuntimeClass: a DNS label (RFC 1123) in lower case.
Complaint CheckHandlerName(const std::string& name);

// The beginning of a unit's name (systemd.unit(5)): 1 to 100 letters, digits, "_" and "-", a letter or digit
// first. Of names with other beginnings or a ".", systemd escapes some for their cgroups.
Complaint CheckUnitPrefix(const std::string& prefix);

// Converts "90s", "10m" or "4h" to milliseconds; nullopt if the text is invalid or the duration is zero.
std::optional<int64_t> ParseDuration(const std::string& text);

}  // namespace davit::cri
