// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/server_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "base/file_io.h"

namespace davit::dns {
namespace {

constexpr size_t kMostServers = 3;  // MAXNS of resolv.h
constexpr size_t kMostSearches = 6;
constexpr int64_t kReadAgainMs = 1'000;

// "192.0.2.53", "fe80::1%eth0".
std::optional<ServerAddress> ParseServer(const std::string& text) {
  size_t percent = text.find('%');
  Result<cni::IpAddress> address = cni::IpAddress::Parse(text.substr(0, percent));
  if (!address) return std::nullopt;
  ServerAddress server{*address};
  if (percent != std::string::npos) server.scope = if_nametoindex(text.substr(percent + 1).c_str());
  return server;
}

}  // namespace

socklen_t ServerAddress::ToSocketAddress(sockaddr_storage& to) const {
  to = {};
  if (address.family == AF_INET) {
    auto& ipv4 = reinterpret_cast<sockaddr_in&>(to);
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    std::copy_n(address.bytes.begin(), address.size(), reinterpret_cast<uint8_t*>(&ipv4.sin_addr));
    return sizeof ipv4;
  }
  auto& ipv6 = reinterpret_cast<sockaddr_in6&>(to);
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(port);
  ipv6.sin6_scope_id = scope;
  std::copy_n(address.bytes.begin(), address.size(), reinterpret_cast<uint8_t*>(&ipv6.sin6_addr));
  return sizeof ipv6;
}

ResolvConf ParseResolvConf(std::string_view text) {
  ResolvConf conf;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find_first_of("#;")));
    std::string word;
    words >> word;
    bool server = word == "nameserver";
    if (word == "search" || word == "domain")
      conf.searches.clear();  // the last line counts
    else if (!server)
      continue;
    while (words >> word) {
      if (!server && conf.searches.size() < kMostSearches) conf.searches.push_back(word);
      std::optional<ServerAddress> parsed = server ? ParseServer(word) : std::nullopt;
      if (parsed && conf.servers.size() < kMostServers) conf.servers.push_back(*parsed);
      if (server) break;
    }
  }
  return conf;
}

const std::vector<ServerAddress>& HostServers::At(int64_t now_ms) {
  if (read_at_ms_ == INT64_MIN || now_ms - read_at_ms_ >= kReadAgainMs) {
    read_at_ms_ = now_ms;
    Result<std::string> text = ReadFile(path_);
    servers_ = text ? ParseResolvConf(*text).servers : std::vector<ServerAddress>();
  }
  return servers_;
}

}  // namespace davit::dns
