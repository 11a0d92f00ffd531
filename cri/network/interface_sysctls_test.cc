// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/interface_sysctls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cni/testing/test_world.h"

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

class InterfaceSysctlsTest : public ::testing::Test {
 protected:
  void SetUp() override { pod_.Shell("ip link add eth0 type veth peer name other"); }

  Result<> Write(const std::string& name, const std::string& value) const {
    ::runtime::v1::PodSandboxConfig config;
    auto& sysctls = *config.mutable_linux()->mutable_sysctls();
    sysctls[name] = value;
    sysctls["net.core.somaxconn"] = "77";  // written before
    return WriteInterfaceSysctls(config, pod_.fd());
  }

  cni::NetNs pod_ = cni::NetNs::Make();
};

TEST_F(InterfaceSysctlsTest, AreWrittenInThePodsNamespace) {
  ASSERT_TRUE(Write("net.ipv4.conf.eth0.tag", "7"));
  EXPECT_EQ(pod_.Shell("cat /proc/sys/net/ipv4/conf/eth0/tag"), "7\n");
  EXPECT_EQ(pod_.Shell("cat /proc/sys/net/ipv4/conf/other/tag"), "0\n");
  EXPECT_NE(pod_.Shell("cat /proc/sys/net/core/somaxconn"), "77\n");
}

TEST_F(InterfaceSysctlsTest, AMissingInterfaceIsNamed) {
  Result<> written = Write("net.ipv4.conf.eth1.forwarding", "1");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().os_errno, ENOENT);
  EXPECT_THAT(written.error().ToString(), HasSubstr("sysctl net/ipv4/conf/eth1/forwarding"));
}

TEST_F(InterfaceSysctlsTest, ARefusedValueIsNamed) {
  Result<> written = Write("net.ipv4.conf.eth0.forwarding", "no number");
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().ToString(), HasSubstr("net/ipv4/conf/eth0/forwarding = no number"));
}

}  // namespace
}  // namespace davit::cri
