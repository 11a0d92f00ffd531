// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where other resolvers are.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cni/subnet.h"

namespace davit::dns {

inline constexpr uint16_t kPort = 53;

struct ServerAddress {
  cni::IpAddress address;
  uint32_t scope = 0;  // the interface's index, of a link-local address
  uint16_t port = kPort;

  auto operator<=>(const ServerAddress&) const = default;

  // Its length is returned.
  socklen_t ToSocketAddress(sockaddr_storage& to) const;
};

// What a host's resolv.conf(5) says.
struct ResolvConf {
  std::vector<ServerAddress> servers;  // the first three
  std::vector<std::string> searches;
};
ResolvConf ParseResolvConf(std::string_view text);

// Reads the file again when it has changed, at most once per second. Not thread-safe.
class HostServers {
 public:
  explicit HostServers(std::string path = "/etc/resolv.conf") : path_(std::move(path)) {}

  // Empty if the file cannot be read.
  const std::vector<ServerAddress>& At(int64_t now_ms);

 private:
  const std::string path_;
  int64_t read_at_ms_ = INT64_MIN;
  std::vector<ServerAddress> servers_;
};

}  // namespace davit::dns
