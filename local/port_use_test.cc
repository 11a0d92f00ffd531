// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/port_use.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace davit::local {
namespace {

using ::davit::v1::PortMapping;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A socket of this process on a port of 127.0.0.1 that the kernel chooses.
struct Holder {
  explicit Holder(int type) : socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(listen(socket.get(), 1), 0);
    }
    EXPECT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  UniqueFd socket;
  uint16_t port = 0;
};

google::protobuf::RepeatedPtrField<PortMapping> Ports(uint16_t port, PortMapping::Protocol protocol,
                                                      const std::string& address = "") {
  google::protobuf::RepeatedPtrField<PortMapping> ports;
  PortMapping& added = *ports.Add();
  added.set_host_ip(address);
  added.set_host_port(port);
  added.set_container_port(80);
  added.set_protocol(protocol);
  return ports;
}

TEST(PortUse, NamesTheProcessThatListens) {
  for (auto [type, protocol, name] : {std::tuple{SOCK_STREAM, PortMapping::TCP, "/tcp"},
                                      std::tuple{SOCK_DGRAM, PortMapping::UDP, "/udp"}}) {
    Holder holder(type);
    Result<> unused = CheckPortsUnused(Ports(holder.port, protocol));
    ASSERT_FALSE(unused) << name;
    EXPECT_EQ(unused.error().code, Code::kFailedPrecondition);
    EXPECT_THAT(unused.error().ToString(),
                AllOf(HasSubstr(std::to_string(holder.port) + name), HasSubstr("local_test"),
                      HasSubstr("(pid " + std::to_string(getpid()) + ")")));
    EXPECT_FALSE(CheckPortsUnused(Ports(holder.port, protocol, "127.0.0.1")));
    EXPECT_TRUE(CheckPortsUnused(Ports(holder.port, protocol, "127.0.0.2"))) << "another address";
    holder.socket.Reset();
    EXPECT_TRUE(CheckPortsUnused(Ports(holder.port, protocol)));
  }
}

TEST(PortUse, OtherProtocolsAreNoHindrance) {
  Holder holder(SOCK_STREAM);
  EXPECT_TRUE(CheckPortsUnused(Ports(holder.port, PortMapping::UDP)));
  EXPECT_TRUE(CheckPortsUnused(Ports(holder.port, PortMapping::SCTP)));
  EXPECT_TRUE(CheckPortsUnused({}));
}

TEST(PortUse, ReadsTheKernelsTable) {
  constexpr char kTable[] =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 x\n"
      "   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 x\n"
      "   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 x\n"
      "   3: cut";
  EXPECT_THAT(SocketsOnPort(kTable, 8080, /*tcp=*/true), ElementsAre(4711));
  EXPECT_THAT(SocketsOnPort(kTable, 8080, /*tcp=*/false), ElementsAre(4711, 4712));
  EXPECT_THAT(SocketsOnPort(kTable, 81, /*tcp=*/true), IsEmpty());
  EXPECT_THAT(SocketsOnPort("", 80, /*tcp=*/true), IsEmpty());
}

TEST(PortText, IsDockers) {
  EXPECT_EQ(PortText(Ports(80, PortMapping::TCP)[0]), "80/tcp");
  EXPECT_EQ(PortText(Ports(53, PortMapping::UDP, "192.0.2.1")[0]), "192.0.2.1:53/udp");
  EXPECT_EQ(PortText(Ports(53, PortMapping::SCTP, "::1")[0]), "[::1]:53/sctp");
}

}  // namespace
}  // namespace davit::local
