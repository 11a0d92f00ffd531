// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/reference.h"

#include <gtest/gtest.h>

namespace davit::images {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

struct Spelling {
  std::string written;
  std::string normalised;
  std::string familiar;
};

TEST(Reference, SpellingsMeanOneThing) {
  const Spelling kSpellings[] = {
      {"busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"},
      {"library/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"},
      {"user/app", "docker.io/user/app:latest", "user/app:latest"},
      {"registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"},
      {"localhost/app", "localhost/app:latest", "localhost/app:latest"},
      {"localhost:5000/a/b:t", "localhost:5000/a/b:t", "localhost:5000/a/b:t"},
      {"127.0.0.1:5000/a", "127.0.0.1:5000/a:latest", "127.0.0.1:5000/a:latest"},
      {"[::1]:5000/a/b", "[::1]:5000/a/b:latest", "[::1]:5000/a/b:latest"},
      {"[2001:db8::1]/a", "[2001:db8::1]/a:latest", "[2001:db8::1]/a:latest"},
      {"Host/app", "Host/app:latest", "Host/app:latest"},
      {"a__b/c-d--e.f", "docker.io/a__b/c-d--e.f:latest", "a__b/c-d--e.f:latest"},
      {"app@" + kDigest, "docker.io/library/app@" + kDigest, "app@" + kDigest},
      // The digest says exactly which one; the tag next to it is for people.
      {"quay.io/app:v1@" + kDigest, "quay.io/app@" + kDigest, "quay.io/app@" + kDigest},
  };
  for (const Spelling& spelling : kSpellings) {
    auto reference = ParseReference(spelling.written);
    ASSERT_TRUE(reference) << spelling.written << ": " << reference.error().ToString();
    EXPECT_EQ(reference->Normalised(), spelling.normalised);
    EXPECT_EQ(reference->Familiar(), spelling.familiar);
  }
}

TEST(Reference, AsksTheRegistryForTheDigestWhenThereIsOne) {
  EXPECT_EQ(ParseReference("app:v1")->Object(), "v1");
  EXPECT_EQ(ParseReference("app:v1@" + kDigest)->Object(), kDigest);
}

TEST(Reference, RefusesWhatIsNone) {
  const std::string kBad[] = {"",
                              ":tag",
                              "/a",
                              "a/",
                              "a//b",
                              "A",
                              "docker.io/App",
                              "app:",
                              "app:-t",
                              "app:.t",
                              "app:a/b@x",
                              "app@sha256:123",
                              "app@md5:" + std::string(32, 'a'),
                              "app@sha256:" + std::string(64, 'A'),
                              "a_/b",
                              "-a",
                              "a-",
                              "a..b",
                              "a___b",
                              "host:port/app",
                              "host:123456/app",
                              "-host.x/app",
                              "host-.x/app",
                              "[::1/app",
                              "[]:1/app",
                              "[::1]x/app",
                              "https://host/app",
                              "app app",
                              "app\n",
                              std::string("app\0", 4),
                              std::string(64, 'a'),
                              "app:" + std::string(129, 't'),
                              std::string(260, 'a'),
                              "../etc",
                              "a/../b",
                              "user@host/app"};
  for (const std::string& bad : kBad) {
    auto reference = ParseReference(bad);
    ASSERT_FALSE(reference) << bad << " was read as " << reference->Normalised();
    EXPECT_EQ(reference.error().code, Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace davit::images
