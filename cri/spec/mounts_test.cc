// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/mounts.h"

#include <linux/mount.h>

#include <algorithm>

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

const PodFiles kFiles{"/r/hosts", "/r/resolv.conf", "/r/hostname"};

Result<std::vector<shim::MountStep>> Mounts(const std::string& config, std::vector<std::string> volumes = {},
                                            const std::set<std::string>& required = {}) {
  auto request = Proto<v1::ContainerConfig>(config);
  return ContainerMounts({request, kFiles, volumes, shim::IdMap(), required});
}

const shim::MountStep* Find(const std::vector<shim::MountStep>& mounts, const std::string& target) {
  auto found = std::ranges::find(mounts, target, &shim::MountStep::target);
  return found == mounts.end() ? nullptr : &*found;
}

std::vector<std::string> Targets(const std::vector<shim::MountStep>& mounts) {
  std::vector<std::string> targets;
  for (const shim::MountStep& step : mounts) targets.push_back(step.target);
  return targets;
}

// One mount of a request, by its target.
shim::MountStep Requested(const std::string& mount, const std::string& target = "/data") {
  auto mounts = Mounts("mounts { " + mount + " }");
  EXPECT_TRUE(mounts) << mounts.error().ToString();
  const shim::MountStep* step = mounts ? Find(*mounts, target) : nullptr;
  EXPECT_NE(step, nullptr);
  return step == nullptr ? shim::MountStep() : *step;
}

TEST(Mounts, SayOfAMissingSourceWhetherToMakeIt) {
  auto mounts = Mounts(
      "mounts { host_path: '/a' container_path: '/made' } "
      "mounts { host_path: '/b' container_path: '/required/' }",
      {}, {"/required/"});
  ASSERT_TRUE(mounts);
  EXPECT_FALSE(Find(*mounts, "/made")->source_must_exist);
  EXPECT_TRUE(Find(*mounts, "/required")->source_must_exist);
}

TEST(Mounts, AreTheUsualOnesByDefault) {
  auto mounts = Mounts("");
  ASSERT_TRUE(mounts);
  EXPECT_THAT(Targets(*mounts),
              ::testing::ElementsAre("/proc", "/dev", "/sys", "/dev/pts", "/dev/shm", "/dev/mqueue",
                                     "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/sys/fs/cgroup"));
  EXPECT_EQ(Find(*mounts, "/proc")->kind, shim::MountKind::kProc);
  EXPECT_EQ(Find(*mounts, "/dev")->options, "mode=755,size=65536k");
  EXPECT_EQ(Find(*mounts, "/dev/pts")->options, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  EXPECT_EQ(Find(*mounts, "/dev/shm")->kind, shim::MountKind::kShm);
  EXPECT_EQ(Find(*mounts, "/dev/mqueue")->kind, shim::MountKind::kMqueue);
  constexpr uint64_t kReadOnly = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  EXPECT_EQ(Find(*mounts, "/sys")->attributes, kReadOnly);
  EXPECT_EQ(Find(*mounts, "/sys/fs/cgroup")->attributes, kReadOnly);
  EXPECT_EQ(Find(*mounts, "/etc/hosts")->source, "/r/hosts");
  EXPECT_EQ(Find(*mounts, "/etc/hostname")->source, "/r/hostname");
  EXPECT_EQ(Find(*mounts, "/etc/resolv.conf")->source, "/r/resolv.conf");
  EXPECT_TRUE(Find(*mounts, "/etc/hosts")->source_must_exist);
  EXPECT_EQ(Find(*mounts, "/etc/hosts")->attributes, 0u);
}

TEST(Mounts, AreWritableForPrivilegedContainers) {
  auto mounts = Mounts("linux { security_context { privileged: true } }");
  EXPECT_EQ(Find(*mounts, "/sys")->attributes & MOUNT_ATTR_RDONLY, 0u);
  EXPECT_EQ(Find(*mounts, "/sys/fs/cgroup")->attributes & MOUNT_ATTR_RDONLY, 0u);
}

TEST(Mounts, ProtectThePodsFilesWithTheRoot) {
  auto mounts = Mounts("linux { security_context { readonly_rootfs: true } }");
  for (const char* file : {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}) {
    EXPECT_EQ(Find(*mounts, file)->attributes, MOUNT_ATTR_RDONLY) << file;
  }
}

TEST(Mounts, BindWhatIsRequested) {
  shim::MountStep step = Requested("container_path: '/data/' host_path: '/srv//x'");
  EXPECT_EQ(step.kind, shim::MountKind::kBind);
  EXPECT_EQ(step.source, "/srv/x");
  EXPECT_EQ(step.attributes, 0u);
  EXPECT_TRUE(step.recursive_bind);
  EXPECT_FALSE(step.recursive_attributes);
  EXPECT_FALSE(step.source_must_exist);
  EXPECT_EQ(step.propagation, shim::Propagation::kPrivate);
}

TEST(Mounts, KeepTheirOptions) {
  const std::string paths = "container_path: '/data' host_path: '/srv' ";
  EXPECT_EQ(Requested(paths + "readonly: true").attributes, MOUNT_ATTR_RDONLY);
  EXPECT_FALSE(Requested(paths + "readonly: true").recursive_attributes);
  EXPECT_TRUE(Requested(paths + "readonly: true recursive_read_only: true").recursive_attributes);
  EXPECT_EQ(Requested(paths + "propagation: PROPAGATION_HOST_TO_CONTAINER").propagation,
            shim::Propagation::kSlave);
  EXPECT_EQ(Requested(paths + "propagation: PROPAGATION_BIDIRECTIONAL").propagation,
            shim::Propagation::kShared);
  EXPECT_EQ(Requested(paths + "mount_options: ['noexec', 'nosuid', 'nodev']").attributes,
            MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  EXPECT_EQ(Requested(paths + "selinux_relabel: true").attributes, 0u);
}

TEST(Mounts, StandAfterWhatTheyLieIn) {
  auto mounts = Mounts(
      "mounts { container_path: '/a/b/c' host_path: '/1' } mounts { container_path: '/a' host_path: '/2' } "
      "mounts { container_path: '/a/b' host_path: '/3' } mounts { container_path: '/a/x' host_path: '/4' }");
  ASSERT_TRUE(mounts);
  auto targets = Targets(*mounts);
  auto at = [&targets](const char* target) { return std::ranges::find(targets, target) - targets.begin(); };
  EXPECT_LT(at("/a"), at("/a/b"));
  EXPECT_LT(at("/a/b"), at("/a/x"));  // equal depth: as requested
  EXPECT_LT(at("/a/x"), at("/a/b/c"));
}

TEST(Mounts, GiveWayToTheRequests) {
  auto mounts = Mounts(
      "mounts { container_path: '/etc/hosts' host_path: '/var/lib/kubelet/hosts' } "
      "mounts { container_path: '/dev/shm/' host_path: '/shm' }");
  ASSERT_TRUE(mounts);
  EXPECT_EQ(std::ranges::count(Targets(*mounts), "/etc/hosts"), 1);
  EXPECT_EQ(Find(*mounts, "/etc/hosts")->source, "/var/lib/kubelet/hosts");
  EXPECT_EQ(std::ranges::count(Targets(*mounts), "/dev/shm"), 1);
  EXPECT_EQ(Find(*mounts, "/dev/shm")->kind, shim::MountKind::kBind);
}

TEST(Mounts, LeaveARequestedDevAlone) {
  auto mounts = Mounts(
      "mounts { container_path: '/dev' host_path: '/dev' } "
      "mounts { container_path: '/dev/termination-log' host_path: '/t' }");
  ASSERT_TRUE(mounts);
  EXPECT_EQ(Find(*mounts, "/dev")->kind, shim::MountKind::kBind);
  EXPECT_EQ(Find(*mounts, "/dev/pts"), nullptr);
  EXPECT_EQ(Find(*mounts, "/dev/shm"), nullptr);
  EXPECT_EQ(Find(*mounts, "/dev/mqueue"), nullptr);
  EXPECT_NE(Find(*mounts, "/dev/termination-log"), nullptr);
}

TEST(Mounts, KeepTheCgroupInARequestedSys) {
  auto mounts = Mounts("mounts { container_path: '/sys' host_path: '/sys' }");
  auto targets = Targets(*mounts);
  EXPECT_EQ(Find(*mounts, "/sys")->kind, shim::MountKind::kBind);
  EXPECT_LT(std::ranges::find(targets, "/sys"), std::ranges::find(targets, "/sys/fs/cgroup"));
}

TEST(Mounts, KeepTheVolumesOfTheImageUnlessRequested) {
  auto mounts = Mounts("mounts { container_path: '/b' host_path: '/srv' }", {"/a/", "/b"});
  ASSERT_TRUE(mounts);
  EXPECT_EQ(Find(*mounts, "/a")->kind, shim::MountKind::kVolume);
  EXPECT_EQ(Find(*mounts, "/b")->source, "/srv");
  EXPECT_TRUE(Refuses(Mounts("", {"/"}), Code::kInvalidArgument, "image.volumes", "/"));
  EXPECT_TRUE(Refuses(Mounts("", {"a/.."}), Code::kInvalidArgument, "image.volumes", "a/.."));
}

TEST(Mounts, ResolveRelativeVolumesOfTheImageFromTheRoot) {
  auto mounts = Mounts("mounts { host_path: '/x' container_path: '/asked' }",
                       {"data", "./var/../srv//db/", "../../up", "/data/", "asked"});
  ASSERT_TRUE(mounts) << mounts.error().ToString();
  for (const char* target : {"/data", "/srv/db", "/up"}) {
    EXPECT_EQ(std::ranges::count(*mounts, target, &shim::MountStep::target), 1) << target;
    EXPECT_EQ(Find(*mounts, target)->kind, shim::MountKind::kVolume) << target;
  }
  EXPECT_EQ(Find(*mounts, "/asked")->kind, shim::MountKind::kBind) << "the request's mount wins";
}

TEST(Mounts, OfImagesAreNumberedAndInert) {
  auto mounts = Mounts(R"(
      mounts { container_path: '/a/b' image { image: 'first' } }
      mounts { container_path: '/host' host_path: '/srv' }
      mounts { container_path: '/c' image { image: 'second' } image_sub_path: 'etc/x' readonly: true })");
  ASSERT_TRUE(mounts);
  const shim::MountStep* first = Find(*mounts, "/a/b");
  const shim::MountStep* second = Find(*mounts, "/c");
  EXPECT_EQ(first->kind, shim::MountKind::kImage);
  EXPECT_EQ(first->image, 0U);
  EXPECT_EQ(second->image, 1U);
  EXPECT_EQ(second->source, "etc/x");
  uint64_t inert = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  EXPECT_EQ(first->attributes, inert);
}

TEST(Mounts, OfImagesAreAtMost32) {
  std::string request;
  for (int i = 0; i < 32; ++i)
    request += "mounts { container_path: '/i" + std::to_string(i) + "' image { image: 'i' } }\n";
  EXPECT_TRUE(Mounts(request));
  request += "mounts { container_path: '/more' image { image: 'last' } }";
  EXPECT_TRUE(Refuses(Mounts(request), Code::kInvalidArgument, "mounts.image", "last"));
}

TEST(Mounts, OfImagesDoNotLeaveThem) {
  auto with = [](const std::string& fields) {
    return Mounts("mounts { container_path: '/a' image { image: 'i' } " + fields + " }");
  };
  EXPECT_TRUE(
      Refuses(with("image_sub_path: '/etc'"), Code::kInvalidArgument, "mounts.image_sub_path", "/etc"));
  EXPECT_TRUE(
      Refuses(with("image_sub_path: 'a/../..'"), Code::kInvalidArgument, "mounts.image_sub_path", ".."));
  EXPECT_TRUE(Refuses(with("host_path: '/srv'"), Code::kInvalidArgument, "mounts.host_path", "/srv"));
  EXPECT_TRUE(Refuses(with("propagation: PROPAGATION_BIDIRECTIONAL"), Code::kInvalidArgument,
                      "mounts.propagation", "/a"));
  EXPECT_EQ(with("image_sub_path: '/etc'").error().reason, Reason::kImageVolumeMountFailed);
}

TEST(Mounts, DecideThePropagationOfTheRoot) {
  EXPECT_EQ(RootPropagation(*Mounts("")), shim::Propagation::kPrivate);
  EXPECT_EQ(
      RootPropagation(*Mounts(
          "mounts { container_path: '/a' host_path: '/a' propagation: PROPAGATION_HOST_TO_CONTAINER }")),
      shim::Propagation::kSlave);
  EXPECT_EQ(
      RootPropagation(*Mounts(
          "mounts { container_path: '/a' host_path: '/a' propagation: PROPAGATION_BIDIRECTIONAL } "
          "mounts { container_path: '/b' host_path: '/b' propagation: PROPAGATION_HOST_TO_CONTAINER }")),
      shim::Propagation::kShared);
}

struct BadMount {
  const char* mount;
  const char* field;
  const char* value;
  Code code = Code::kInvalidArgument;
};
class BadMounts : public ::testing::TestWithParam<BadMount> {};

TEST_P(BadMounts, AreRefused) {
  EXPECT_TRUE(Refuses(Mounts(std::string("mounts { ") + GetParam().mount + " }"), GetParam().code,
                      GetParam().field, GetParam().value));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadMounts,
    ::testing::Values(BadMount{"container_path: 'a' host_path: '/a'", "mounts.container_path", "a"},
                      BadMount{"container_path: '' host_path: '/a'", "mounts.container_path", ""},
                      BadMount{"container_path: '/' host_path: '/a'", "mounts.container_path", "root"},
                      BadMount{"container_path: '/a/..' host_path: '/a'", "mounts.container_path", "root"},
                      BadMount{"container_path: '/a' host_path: 'a'", "mounts.host_path", "a"},
                      BadMount{"container_path: '/a'", "mounts.host_path", ""},
                      BadMount{"container_path: '/a' host_path: '/a' recursive_read_only: true",
                               "mounts.recursive_read_only", "needs readonly"},
                      BadMount{
                          "container_path: '/a' host_path: '/a' readonly: true recursive_read_only: true "
                          "propagation: PROPAGATION_HOST_TO_CONTAINER",
                          "mounts.recursive_read_only", "private"},
                      BadMount{"container_path: '/a' host_path: '/a' mount_options: 'exec'",
                               "mounts.mount_options", "exec"},
                      BadMount{"container_path: '/a' host_path: '/a' uidMappings { length: 1 }",
                               "mounts.gidMappings", "0 mappings"}));

TEST(Mounts, RefuseUnknownPropagation) {
  v1::ContainerConfig config;
  auto* mount = config.add_mounts();
  mount->set_container_path("/a");
  mount->set_host_path("/a");
  mount->set_propagation(static_cast<v1::MountPropagation>(5));
  EXPECT_TRUE(Refuses(ContainerMounts({config, kFiles, {}, shim::IdMap(), {}}), Code::kInvalidArgument,
                      "mounts.propagation", "5"));
}

TEST(Mounts, ATmpfsReplacesWhatIsAtItsTarget) {
  v1::ContainerConfig config;
  std::vector<shim::MountStep> mounts =
      ContainerMounts({config,
                       kFiles,
                       {"/data"},
                       shim::IdMap(),
                       {},
                       {{"//data/", "size=1", MOUNT_ATTR_NOEXEC}, {"/dev/shm"}}})
          .value();
  auto at = [&mounts](const std::string& target) {
    std::vector<shim::MountStep> found;
    std::ranges::copy_if(mounts, std::back_inserter(found),
                         [&target](const shim::MountStep& step) { return step.target == target; });
    return found;
  };
  ASSERT_EQ(at("/data").size(), 1u) << "not the image's volume";
  EXPECT_EQ(at("/data")[0].kind, shim::MountKind::kTmpfs);
  EXPECT_EQ(at("/data")[0].options, "size=1");
  EXPECT_EQ(at("/data")[0].attributes, static_cast<uint64_t>(MOUNT_ATTR_NOEXEC));
  ASSERT_EQ(at("/dev/shm").size(), 1u);
  EXPECT_EQ(at("/dev/shm")[0].kind, shim::MountKind::kTmpfs);
  for (const char* bad : {"", "/", "data", "//"})
    EXPECT_TRUE(Refuses(ContainerMounts({config, kFiles, {}, shim::IdMap(), {}, {{bad}}}),
                        Code::kInvalidArgument, "tmpfs"))
        << bad;
}

}  // namespace
}  // namespace davit::cri
