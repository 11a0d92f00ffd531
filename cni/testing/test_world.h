// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// For tests: network namespaces of their own, in which bridges, tables and pods come and go without touching
// the machine's.
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

namespace davit {

IpAddress Ip(const std::string& text);

// A network namespace. Everything in it goes with the last descriptor of it.
class NetNs {
 public:
  static NetNs Make();
  explicit NetNs(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  void Close() { fd_.Reset(); }

  // Runs `work` in a thread inside.
  void Run(const std::function<void()>& work) const;
  // Runs a shell command inside and returns what it printed; it must succeed.
  std::string Shell(const std::string& command) const;

 private:
  UniqueFd fd_;
};

// A socket inside a namespace, with a bound of some seconds on every wait, and where it is bound.
struct Endpoint {
  UniqueFd fd;
  uint16_t port = 0;
};

// Listens (TCP) or is bound (UDP) on the address; port 0: any.
Endpoint Serve(const NetNs& ns, Protocol protocol, const IpAddress& address, uint16_t port = 0);

// Sends something from `client` to address:port and back. Returns who the server says has called, or the
// error.
std::string Call(const NetNs& client, Protocol protocol, const Endpoint& server, const std::string& address,
                 uint16_t port);

// UDP without an answer: sends `text`, from `source` if given.
void Send(const NetNs& client, const std::string& address, uint16_t port, const std::string& text,
          const std::string& source = "");
// The next datagram; "timeout" if none comes.
std::string Receive(const Endpoint& server);

struct Pod {
  std::string id;
  NetNs ns;
  Attachment attachment;

  const IpAddress& ipv4() const { return attachment.addresses.at(0); }
  const IpAddress& ipv6() const { return attachment.addresses.at(1); }
};

// A host, with an outside neighbour behind its interface up0. The test's thread is on the host. The host has
// 192.0.2.1 and 2001:db8::1, the neighbour .2 and ::2, and the neighbour knows no way to the pods' subnets.
class NetworkTest : public ::testing::Test {
 protected:
  static constexpr char kHostIpv4[] = "192.0.2.1";
  static constexpr char kHostIpv6[] = "2001:db8::1";

  void SetUp() override;
  void TearDown() override;

  // davitN with 10.8N.0.0/16 and fd00:8N::/64.
  static BridgeConfig Config(int instance = 0);
  std::unique_ptr<Bridge> OpenBridge(int instance = 0);

  Pod StartPod(Bridge& bridge, const std::vector<PortMapping>& ports = {});
  // Detaches, releases and waits for the interface to vanish.
  void StopPod(Bridge& bridge, Pod& pod);

  // How many interfaces the host has besides lo, up0 and bridges.
  size_t PodLinks() const;

  std::optional<NetNs> host_;
  std::optional<NetNs> outside_;

 private:
  NsHandle machine_;
};

}  // namespace davit
