// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: network namespaces for bridges, tables and pods, isolated from the host's network.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/ns_handle.h"
#include "base/unique_fd.h"
#include "cni/bridge.h"
#include "cni/subnet.h"

namespace davit::cni {

IpAddress Ip(const std::string& text);

// A network namespace. The kernel removes it and its content when its last descriptor is closed.
class NetNs {
 public:
  static NetNs Make();
  explicit NetNs(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  void Close() { fd_.Reset(); }

  // Runs `work` on a new thread inside the namespace, and waits for its end.
  void Run(const std::function<void()>& work) const;
  // Runs a shell command inside and returns what it printed; it must succeed.
  std::string Shell(const std::string& command) const;

 private:
  UniqueFd fd_;
};

// A socket inside a namespace and the port to which it is bound. Every wait on it times out after 5 seconds.
struct Endpoint {
  UniqueFd fd;
  uint16_t port = 0;
};

// Listens (TCP) or binds (UDP) on the address. Port 0: the kernel chooses one.
Endpoint Serve(const NetNs& ns, Protocol protocol, const IpAddress& address, uint16_t port = 0);

// Exchanges data between `client` and `server` over address:port. Returns the client's address as the server
// sees it, or the error.
std::string Call(const NetNs& client, Protocol protocol, const Endpoint& server, const std::string& address,
                 uint16_t port);

// Sends `text` over UDP, from `source` if given, without an answer.
void Send(const NetNs& client, const std::string& address, uint16_t port, const std::string& text,
          const std::string& source = "");
// The next datagram; "timeout" if none arrives.
std::string Receive(const Endpoint& server);

struct Pod {
  std::string id;
  NetNs ns;
  Attachment attachment;

  const IpAddress& ipv4() const { return attachment.addresses.at(0); }
  const IpAddress& ipv6() const { return attachment.addresses.at(1); }
};

// A host, with an outside neighbour behind its interface up0. The test's thread is in the host's namespace.
// The host has 192.0.2.1 and 2001:db8::1, the neighbour 192.0.2.2 and 2001:db8::2. The neighbour has no route
// to the pods' subnets.
class NetworkTest : public ::testing::Test {
 protected:
  static constexpr char kHostIpv4[] = "192.0.2.1";
  static constexpr char kHostIpv6[] = "2001:db8::1";

  void SetUp() override;
  void TearDown() override;

  // Bridge davitN with 10.8N.0.0/16 and fd00:8N::/64, where N is `instance`.
  static BridgeConfig Config(int instance = 0);
  std::unique_ptr<Bridge> OpenBridge(int instance = 0);

  Pod StartPod(Bridge& bridge, const std::vector<PortMapping>& ports = {});
  // Detaches the pod, releases its addresses and waits until its interface is removed.
  void StopPod(Bridge& bridge, Pod& pod);

  // The number of interfaces of the host besides lo, up0 and bridges.
  size_t PodLinks() const;

  std::optional<NetNs> host_;
  std::optional<NetNs> outside_;

 private:
  NsHandle machine_;
};

}  // namespace davit::cni
