// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/testing/test_world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <thread>

#include "base/file_io.h"
#include "base/ids.h"
#include "cni/link.h"

namespace davit::cni {
namespace {

constexpr timeval kBound = {5, 0};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  SocketAddress(const IpAddress& address, uint16_t port) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    storage.ss_family = static_cast<sa_family_t>(address.family);
    if (address.family == AF_INET) {
      v4->sin_port = htons(port);
      memcpy(&v4->sin_addr, address.bytes.data(), 4);
      length = sizeof *v4;
    } else {
      v6->sin6_port = htons(port);
      memcpy(&v6->sin6_addr, address.bytes.data(), 16);
      length = sizeof *v6;
    }
  }
  SocketAddress() : length(sizeof storage) {}
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

  uint16_t port() const { return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port); }
  std::string host() const {
    char text[INET6_ADDRSTRLEN] = "";
    const void* address = &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr;
    if (storage.ss_family == AF_INET6) address = &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
    inet_ntop(storage.ss_family, address, text, sizeof text);
    return text;
  }
};

UniqueFd OpenSocket(const NetNs& ns, int family, Protocol protocol) {
  UniqueFd fd;
  ns.Run([&] {
    fd.Reset(socket(family, (protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  });
  EXPECT_TRUE(fd.valid()) << strerror(errno);
  int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kBound, sizeof kBound);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kBound, sizeof kBound);
  return fd;
}

std::string Failed(const char* what) {
  return std::string(what) + ": " + ErrnoText(errno);
}

std::string CallTcp(int client, int listener) {
  SocketAddress peer;
  UniqueFd connection(accept4(listener, peer.get(), &peer.length, SOCK_CLOEXEC));
  if (!connection) return Failed("accept");
  char byte = 'x';
  if (send(connection.get(), &byte, 1, MSG_NOSIGNAL) != 1) return Failed("answer");
  if (recv(client, &byte, 1, 0) != 1) return Failed("hear the answer");
  return peer.host();
}

std::string CallUdp(int client, int server) {
  SocketAddress peer;
  char byte = 'x';
  if (send(client, &byte, 1, 0) != 1) return Failed("send");
  if (recvfrom(server, &byte, 1, 0, peer.get(), &peer.length) != 1) return Failed("hear the call");
  if (sendto(server, &byte, 1, 0, peer.get(), peer.length) != 1) return Failed("answer");
  if (recv(client, &byte, 1, 0) != 1) return Failed("hear the answer");
  return peer.host();
}

}  // namespace

IpAddress Ip(const std::string& text) {
  return IpAddress::Parse(text).value();
}

NetNs NetNs::Make() {
  UniqueFd fd;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) == 0) fd = NsHandle::OfSelf("net").value().Take();
  }).join();
  NetNs ns(std::move(fd));
  EXPECT_TRUE(BringLoopbackUp(ns.fd()));
  return ns;
}

void NetNs::Run(const std::function<void()>& work) const {
  std::thread([&] {
    ASSERT_EQ(setns(fd(), CLONE_NEWNET), 0) << strerror(errno);
    work();
  }).join();
}

std::string NetNs::Shell(const std::string& command) const {
  std::string output;
  Run([&] {
    FILE* pipe = popen(("exec 2>&1; " + command).c_str(), "re");
    ASSERT_NE(pipe, nullptr);
    std::array<char, 4096> buffer;
    while (size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), n);
    EXPECT_EQ(pclose(pipe), 0) << command << ": " << output;
  });
  return output;
}

Endpoint Serve(const NetNs& ns, Protocol protocol, const IpAddress& address, uint16_t port) {
  Endpoint endpoint{OpenSocket(ns, address.family, protocol), 0};
  SocketAddress local(address, port);
  EXPECT_EQ(bind(endpoint.fd.get(), local.get(), local.length), 0) << strerror(errno);
  if (protocol == Protocol::kTcp) {
    EXPECT_EQ(listen(endpoint.fd.get(), 16), 0);
  }
  local.length = sizeof local.storage;
  getsockname(endpoint.fd.get(), local.get(), &local.length);
  endpoint.port = local.port();
  return endpoint;
}

std::string Call(const NetNs& client, Protocol protocol, const Endpoint& server, const std::string& address,
                 uint16_t port) {
  IpAddress target = Ip(address);
  UniqueFd fd = OpenSocket(client, target.family, protocol);
  SocketAddress remote(target, port);
  if (connect(fd.get(), remote.get(), remote.length) < 0) return Failed("connect");
  return protocol == Protocol::kTcp ? CallTcp(fd.get(), server.fd.get()) : CallUdp(fd.get(), server.fd.get());
}

void Send(const NetNs& client, const std::string& address, uint16_t port, const std::string& text,
          const std::string& source) {
  IpAddress target = Ip(address);
  UniqueFd fd = OpenSocket(client, target.family, Protocol::kUdp);
  SocketAddress local(source.empty() ? IpAddress{target.family, {}} : Ip(source), 0);
  ASSERT_EQ(bind(fd.get(), local.get(), local.length), 0) << strerror(errno);
  SocketAddress remote(target, port);
  ASSERT_EQ(sendto(fd.get(), text.data(), text.size(), 0, remote.get(), remote.length),
            static_cast<ssize_t>(text.size()))
      << strerror(errno);
}

std::string Receive(const Endpoint& server) {
  std::array<char, 256> buffer;
  ssize_t n = recv(server.fd.get(), buffer.data(), buffer.size(), 0);
  return n < 0 ? "timeout" : std::string(buffer.data(), static_cast<size_t>(n));
}

void NetworkTest::SetUp() {
  machine_ = NsHandle::OfSelf("net").value();
  if (unshare(CLONE_NEWNET) < 0)
    GTEST_SKIP() << "needs CAP_SYS_ADMIN to make network namespaces: " << strerror(errno);
  host_.emplace(NsHandle::OfSelf("net").value().Take());
  ASSERT_TRUE(BringLoopbackUp(host_->fd()));
  outside_ = NetNs::Make();
  if (system("command -v ip >/dev/null && command -v nft >/dev/null") != 0)
    GTEST_SKIP() << "needs ip(8) and nft(8)";
  // The neighbour's end is moved by a descriptor of this process, as /proc/PID/fd/N.
  std::string fd_path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(outside_->fd());
  host_->Shell("ip link add up0 type veth peer name out0 netns " + fd_path +
               " && ip link set up0 up && ip address add 192.0.2.1/24 dev up0 && "
               "ip address add 2001:db8::1/64 dev up0 nodad");
  outside_->Shell(
      "ip link set out0 up && ip address add 192.0.2.2/24 dev out0 && "
      "ip address add 2001:db8::2/64 dev out0 nodad");
}

void NetworkTest::TearDown() {
  if (machine_.valid()) {
    EXPECT_TRUE(machine_.Enter(CLONE_NEWNET));
  }
}

BridgeConfig NetworkTest::Config(int instance) {
  std::string n = std::to_string(instance);
  return {.name = "davit" + n,
          .subnets = {*ParseSubnet("10.8" + n + ".0.0/16"), *ParseSubnet("fd00:8" + n + "::/64")},
          .table = "davit-" + n};
}

std::unique_ptr<Bridge> NetworkTest::OpenBridge(int instance) {
  Result<std::unique_ptr<Bridge>> bridge = Bridge::Open(Config(instance));
  if (!bridge) {
    ADD_FAILURE() << bridge.error().ToString();
    return nullptr;
  }
  return std::move(*bridge);
}

Pod NetworkTest::StartPod(Bridge& bridge, const std::vector<PortMapping>& ports) {
  Pod pod{NewId().value(), NetNs::Make(), {}};
  std::vector<IpAddress> addresses = bridge.AllocateAddresses().value();
  Result<Attachment> attachment = bridge.Attach(pod.id, pod.ns.fd(), addresses, ports);
  if (attachment)
    pod.attachment = *attachment;
  else
    ADD_FAILURE() << attachment.error().ToString();
  return pod;
}

void NetworkTest::StopPod(Bridge& bridge, Pod& pod) {
  Result<> detached = bridge.Detach(pod.id, pod.attachment);
  EXPECT_TRUE(detached) << detached.error().ToString();
  bridge.ReleaseAddresses(pod.attachment.addresses);
  pod.ns.Close();
  bridge.WaitForRemovals();
}

size_t NetworkTest::PodLinks() const {
  NetlinkSocket socket = NetlinkSocket::Open(NETLINK_ROUTE).value();
  std::vector<Link> links = ListLinks(socket).value();
  return static_cast<size_t>(std::ranges::count_if(
      links, [](const Link& link) { return link.kind == "veth" && link.name != "up0"; }));
}

}  // namespace davit::cni
