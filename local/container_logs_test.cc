// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The logs of local containers.

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "local/testing/local_containers_fixture.h"

namespace davit::local {
namespace {

using State = api::ContainerState;

TEST_F(LocalContainersTest, ALogThatGrowsIsRotated) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.mutable_log()->set_max_bytes(4096);
  spec.mutable_log()->set_max_files(2);
  std::string id = w_.RunContainer("web", spec);
  const std::string before = w_.LogOf(id) + ".1";
  std::ofstream(w_.LogOf(id), std::ios::app) << std::string(5000, 'x');
  ASSERT_TRUE(w_.world.Eventually([&] { return std::filesystem::exists(before); }));
  EXPECT_EQ(std::filesystem::file_size(before), 5000u);
  ASSERT_TRUE(w_.world.Eventually([&] { return std::filesystem::exists(w_.LogOf(id)); }));
  EXPECT_EQ(std::filesystem::file_size(w_.LogOf(id)), 0u);
  w_.Restart();
  std::ofstream(w_.LogOf(id), std::ios::app) << std::string(6000, 'x');
  EXPECT_TRUE(w_.world.Eventually([&] { return std::filesystem::file_size(before) == 6000; }))
      << "a daemon that starts goes on";
  EXPECT_FALSE(std::filesystem::exists(w_.LogOf(id) + ".2"));
}

TEST_F(LocalContainersTest, ALogWhoseFileIsMissingGetsOne) {
  std::string id = w_.RunContainer("web");
  std::filesystem::remove(w_.LogOf(id));
  EXPECT_TRUE(w_.world.Eventually([&] { return std::filesystem::exists(w_.LogOf(id)); }));
}

// Such a run ends before anybody looks at its log.
TEST_F(LocalContainersTest, ShortRunsKeepTheBoundOfTheLog) {
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.mutable_log()->set_max_bytes(4096);
  spec.mutable_log()->set_max_files(2);
  std::string id = w_.RunContainer("web", spec);
  for (int i = 0; i < 5; ++i) {
    w_.Exit(id, 1);
    ASSERT_TRUE(w_.Becomes("web", State::EXITED));
    std::ofstream(w_.LogOf(id), std::ios::app) << std::string(5000, 'x');
    ASSERT_TRUE(local().Start("web", Deadline()));
    EXPECT_EQ(std::filesystem::file_size(w_.LogOf(id)), 0u);
    EXPECT_EQ(std::filesystem::file_size(w_.LogOf(id) + ".1"), 5000u);
    EXPECT_FALSE(std::filesystem::exists(w_.LogOf(id) + ".2"));
  }
}

// So that a client that reads the log can tell a removal from a rotation.
TEST_F(LocalContainersTest, ARemovalBeginsWithTheNewestFileOfTheLog) {
  std::string id = local().Create("web", LocalWorld::Spec())->id;
  for (int i = 1; i < 20; ++i) std::ofstream(w_.LogOf(id) + "." + std::to_string(i)) << "x";
  UniqueFd inotify(inotify_init1(IN_CLOEXEC));
  std::string directory = std::filesystem::path(w_.LogOf(id)).parent_path();
  ASSERT_GE(inotify_add_watch(inotify.get(), directory.c_str(), IN_DELETE), 0);
  ASSERT_TRUE(local().Remove("web", /*force=*/false, Deadline()));
  alignas(inotify_event) char buffer[4096];
  ASSERT_GT(read(inotify.get(), buffer, sizeof buffer), 0);
  EXPECT_STREQ(buffer + sizeof(inotify_event), "container.log");
}

}  // namespace
}  // namespace davit::local
