// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/placeholder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <sstream>
#include <thread>
#include <vector>

#include "base/file_io.h"

namespace davit::cri {
namespace {

SpawnRequest Sleep() {
  SpawnRequest request;
  request.program = "/bin/sleep";
  request.args = {"davit-placeholder", "1000"};
  return request;
}

std::unique_ptr<Placeholders> Open() {
  return Placeholders::Open(Sleep()).value();
}

// Of all threads.
std::vector<pid_t> Children() {
  std::vector<pid_t> pids;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::istringstream text(ReadFile(thread.path() / "children").value_or(""));
    for (pid_t pid; text >> pid;) pids.push_back(pid);
  }
  return pids;
}

bool Eventually(const std::function<bool()>& reached) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    if (reached()) return true;
    usleep(10'000);
  }
  return false;
}

// The pid of one that has been ended.
pid_t StartAndEnd(Placeholders& placeholders) {
  return placeholders.Start()->pid();
}

bool IsReaped(pid_t pid) {
  return Eventually([pid] { return kill(pid, 0) != 0; });
}

TEST(PlaceholderTest, LivesAsLongAsItsObject) {
  auto placeholders = Open();
  PidFd process;
  {
    Result<Placeholder> placeholder = placeholders->Start();
    ASSERT_TRUE(placeholder) << placeholder.error().ToString();
    process = PidFd::Open(placeholder->pid()).value();
    Placeholder moved = std::move(*placeholder);
    EXPECT_EQ(placeholder->pid(), 0);
    EXPECT_GT(moved.pid(), 0);
    EXPECT_FALSE(*process.WaitExit(0));
    *placeholder = Placeholder();
    EXPECT_FALSE(*process.WaitExit(0)) << "it is the other object's";
  }
  EXPECT_TRUE(*process.WaitExit(10'000));
}

TEST(PlaceholderTest, IsReaped) {
  auto placeholders = Open();
  EXPECT_TRUE(IsReaped(StartAndEnd(*placeholders))) << "a zombie is left";
}

TEST(PlaceholderTest, APidThatIsKeptIsNotUsedAgainWhileTheOwnerLives) {
  auto placeholders = Open();
  pid_t pid = 0;
  {
    Placeholder placeholder = placeholders->Start().value();
    pid = placeholder.pid();
    placeholder.EndAndKeepPid();
    EXPECT_EQ(placeholder.pid(), 0);
  }
  EXPECT_TRUE(IsReaped(StartAndEnd(*placeholders))) << "a later one";
  EXPECT_EQ(kill(pid, 0), 0) << "the zombie holds it";
  placeholders.reset();
  EXPECT_NE(kill(pid, 0), 0);
}

// A cgroup whose processes do not end when they are killed, until it is thawed (freezer-subsystem.rst).
class Freezer {
 public:
  Freezer() {
    if (mkdir(path_.c_str(), 0755) != 0) path_.clear();
  }
  ~Freezer() {
    if (path_.empty()) return;
    EXPECT_TRUE(Write("freezer.state", "THAWED"));
    EXPECT_TRUE(Eventually([this] { return rmdir(path_.c_str()) == 0; }));
  }
  bool exists() const { return !path_.empty(); }
  bool Take(pid_t pid) const {
    return Write("cgroup.procs", std::to_string(pid)) && Write("freezer.state", "FROZEN") &&
           Eventually([this] { return ReadFile(path_ + "/freezer.state").value_or("") == "FROZEN\n"; });
  }

 private:
  bool Write(const char* file, const std::string& text) const {
    return WriteFileAt(AT_FDCWD, path_ + "/" + file, text).has_value();
  }
  std::string path_ = "/sys/fs/cgroup/freezer/davit-test-" + std::to_string(getpid());
};

TEST(PlaceholderTest, OneThatDoesNotEndHoldsUpNoOther) {
  auto placeholders = Open();
  Freezer freezer;
  if (!freezer.exists()) GTEST_SKIP() << "needs the freezer of cgroup v1, and root";
  Placeholder frozen = placeholders->Start().value();
  const pid_t pid = frozen.pid();
  ASSERT_TRUE(freezer.Take(pid));
  frozen = Placeholder();
  EXPECT_TRUE(IsReaped(StartAndEnd(*placeholders)));
  EXPECT_EQ(kill(pid, 0), 0) << "this one cannot end yet";
}

TEST(PlaceholderTest, TheNextOneIsReadyAndEndsWithTheOwner) {
  auto placeholders = Open();
  EXPECT_TRUE(Eventually([&placeholders] {
    std::vector<pid_t> before = Children();
    return std::ranges::find(before, StartAndEnd(*placeholders)) != before.end();
  }));
}

TEST(PlaceholderTest, OneThatSomebodyKilledIsNotHandedOut) {
  auto placeholders = Open();
  (void)placeholders->Start();
  ASSERT_TRUE(Eventually([] { return Children().size() == 1; })) << "the one that is ready";
  const pid_t killed = Children().front();
  PidFd process = PidFd::Open(killed).value();
  ASSERT_TRUE(process.Signal(SIGKILL));
  ASSERT_TRUE(*process.WaitExit(10'000));
  Result<Placeholder> placeholder = placeholders->Start();
  ASSERT_TRUE(placeholder);
  EXPECT_NE(placeholder->pid(), killed);
  EXPECT_TRUE(IsReaped(killed));
}

// They end with the thread that has started them (shim/reaper_program.h).
TEST(PlaceholderTest, IsNoChildOfACallersThread) {
  auto placeholders = Open();
  Placeholder placeholder;
  std::string own;
  std::thread caller([&] {
    placeholder = placeholders->Start().value();
    own = ReadFile("/proc/thread-self/children").value_or("(none)");
  });
  caller.join();
  EXPECT_EQ(own, "");
  EXPECT_GT(placeholder.pid(), 0);
}

TEST(PlaceholderTest, NoneIsLeft) {
  {
    auto placeholders = Open();
    (void)placeholders->Start();
    EXPECT_TRUE(Eventually([] { return !Children().empty(); }));
  }
  EXPECT_EQ(Children(), std::vector<pid_t>());
}

TEST(PlaceholderTest, AnErrorNamesWhatWasToBeStarted) {
  SpawnRequest missing = Sleep();
  missing.program = "/no/such/program";
  auto placeholders = Placeholders::Open(missing).value();
  Result<Placeholder> placeholder = placeholders->Start();
  ASSERT_FALSE(placeholder);
  EXPECT_NE(placeholder.error().ToString().find("start placeholder"), std::string::npos);
  EXPECT_NE(placeholder.error().ToString().find("/no/such/program"), std::string::npos);
}

}  // namespace
}  // namespace davit::cri
