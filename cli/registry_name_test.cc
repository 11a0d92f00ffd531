// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/registry_name.h"

#include <gtest/gtest.h>

namespace davit::cli {
namespace {

TEST(RegistryNameTest, TheRegistryOfAReferenceIsItsFirstPartOrDockerHub) {
  EXPECT_EQ(RegistryOf("busybox"), "docker.io");
  EXPECT_EQ(RegistryOf("busybox:1.36"), "docker.io");
  EXPECT_EQ(RegistryOf("team/app:1"), "docker.io");
  EXPECT_EQ(RegistryOf("index.docker.io/team/app"), "docker.io");
  EXPECT_EQ(RegistryOf("registry.test/app"), "registry.test");
  EXPECT_EQ(RegistryOf("registry.test:5000/team/app@sha256:0"), "registry.test:5000");
  EXPECT_EQ(RegistryOf("localhost/app"), "localhost");
  EXPECT_EQ(RegistryOf("localhost:5000/app"), "localhost:5000");
  EXPECT_EQ(RegistryOf("[::1]:5000/app"), "[::1]:5000");
}

TEST(RegistryNameTest, AnAddressIsAUrlOrAHost) {
  for (const char* address :
       {"registry.test", "https://registry.test", "http://registry.test/v2/", "registry.test/v1"})
    EXPECT_EQ(RegistryHost(address), "registry.test") << address;
  for (const char* address : {"docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"})
    EXPECT_EQ(RegistryHost(address), "docker.io") << address;
}

TEST(RegistryNameTest, DockerHubHasAKeyOfItsOwn) {
  EXPECT_EQ(CredentialKey("docker.io"), "https://index.docker.io/v1/");
  EXPECT_EQ(CredentialKey("registry.test:5000"), "registry.test:5000");
}

}  // namespace
}  // namespace davit::cli
