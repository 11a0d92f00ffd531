// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/port_use.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>

#include "base/file_io.h"
#include "base/number.h"
#include "base/utf8.h"

namespace davit::local {
namespace {

namespace api = ::davit::v1;
namespace fs = std::filesystem;

// Fields of a line after "sl": "local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode".
constexpr size_t kLocalAddress = 1;
constexpr size_t kState = 3;
constexpr size_t kInode = 9;
constexpr std::string_view kListen = "0A";
// The process chooses its name.
constexpr size_t kMostNameBytes = 64;

bool IsTcp(const api::PortMapping& port) {
  return port.protocol() == api::PortMapping::TCP ||
         port.protocol() == api::PortMapping::PROTOCOL_UNSPECIFIED;
}

std::vector<std::string_view> Fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t at = line.find_first_not_of(' '); at != std::string_view::npos;
       at = line.find_first_not_of(' ', at)) {
    size_t end = std::min(line.find(' ', at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = end;
  }
  return fields;
}

// The socket's inode in "socket:[1234]".
bool IsOneOf(const std::string& link, const std::set<uint64_t>& inodes) {
  constexpr std::string_view kPrefix = "socket:[";
  if (!link.starts_with(kPrefix) || !link.ends_with(']')) return false;
  std::string_view number(link);
  number = number.substr(kPrefix.size(), number.size() - kPrefix.size() - 1);
  std::optional<uint64_t> inode = WholeNumber<uint64_t>(number);
  return inode && inodes.contains(*inode);
}

// "nginx (pid 123)"; empty if it cannot be found, as for a socket of the kernel. What ends meanwhile is
// skipped.
std::string ProcessWith(const std::set<uint64_t>& inodes) {
  std::error_code gone;
  for (const auto& process : fs::directory_iterator("/proc", gone)) {
    std::string pid = process.path().filename();
    if (!WholeNumber<uint32_t>(pid)) continue;
    for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", gone)) {
      if (!IsOneOf(fs::read_symlink(descriptor.path(), gone).string(), inodes)) continue;
      std::string name = ReadFile("/proc/" + pid + "/comm").value_or("a process");
      while (name.ends_with('\n')) name.pop_back();
      return OneLine(name, kMostNameBytes) + " (pid " + pid + ")";
    }
  }
  return "";
}

std::string UserOf(const api::PortMapping& port) {
  std::set<uint64_t> inodes;
  for (const char* family : {"", "6"}) {
    std::string table =
        ReadFile(std::string("/proc/net/") + (IsTcp(port) ? "tcp" : "udp") + family).value_or("");
    for (uint64_t inode : SocketsOnPort(table, static_cast<uint16_t>(port.host_port()), IsTcp(port)))
      inodes.insert(inode);
  }
  std::string process = ProcessWith(inodes);
  return process.empty() ? "another program" : process;
}

// True unless the kernel says that somebody has the port. Bound for a moment only.
Result<bool> CanBind(const api::PortMapping& port, int family, const std::string& address) {
  int socket_type = (IsTcp(port) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
  UniqueFd probe(socket(family, socket_type, 0));
  if (!probe) return true;  // the host does without this family
  int on = 1;
  // With it, connections that have ended a moment ago are no hindrance, but a listener is.
  if (IsTcp(port)) setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (family == AF_INET) {
    auto* at = reinterpret_cast<sockaddr_in*>(&storage);
    *at = {.sin_family = AF_INET,
           .sin_port = htons(static_cast<uint16_t>(port.host_port())),
           .sin_addr = {},
           .sin_zero = {}};
    if (inet_pton(family, address.c_str(), &at->sin_addr) != 1) return true;
    size = sizeof *at;
  } else {
    setsockopt(probe.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    auto* at = reinterpret_cast<sockaddr_in6*>(&storage);
    at->sin6_family = AF_INET6;
    at->sin6_port = htons(static_cast<uint16_t>(port.host_port()));
    if (inet_pton(family, address.c_str(), &at->sin6_addr) != 1) return true;
    size = sizeof *at;
  }
  if (bind(probe.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0) return true;
  return errno != EADDRINUSE;
}

}  // namespace

std::string PortText(const api::PortMapping& port) {
  std::string address =
      port.host_ip().find(':') == std::string::npos ? port.host_ip() : "[" + port.host_ip() + "]";
  const char* protocol = IsTcp(port) ? "tcp" : port.protocol() == api::PortMapping::UDP ? "udp" : "sctp";
  return (address.empty() ? "" : address + ":") + std::to_string(port.host_port()) + "/" + protocol;
}

std::vector<uint64_t> SocketsOnPort(std::string_view table, uint16_t port, bool tcp) {
  std::vector<uint64_t> inodes;
  for (size_t begin = 0; begin < table.size();) {
    size_t end = std::min(table.find('\n', begin), table.size());
    std::vector<std::string_view> fields = Fields(table.substr(begin, end - begin));
    begin = end + 1;
    if (fields.size() <= kInode) continue;
    std::string_view address = fields[kLocalAddress];
    std::optional<uint16_t> local = WholeNumber<uint16_t>(address.substr(address.rfind(':') + 1), 16);
    if (local != port || (tcp && fields[kState] != kListen)) continue;
    if (std::optional<uint64_t> inode = WholeNumber<uint64_t>(fields[kInode])) inodes.push_back(*inode);
  }
  return inodes;
}

Result<> CheckPortsUnused(const google::protobuf::RepeatedPtrField<api::PortMapping>& ports) {
  for (const api::PortMapping& port : ports) {
    if (port.protocol() == api::PortMapping::SCTP) continue;
    const std::string& address = port.host_ip();
    bool any = address.empty();
    bool free = true;
    if (any || address.find(':') == std::string::npos)
      free = TRY(CanBind(port, AF_INET, any ? "0.0.0.0" : address));
    if (free && (any || address.find(':') != std::string::npos))
      free = TRY(CanBind(port, AF_INET6, any ? "::" : address));
    if (free) continue;
    return Fail(Code::kFailedPrecondition, "publish port", PortText(port), "it is in use by " + UserOf(port));
  }
  return {};
}

}  // namespace davit::local
