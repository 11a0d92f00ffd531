// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Plants a leak of each kind and sees whether tests/leakcheck/check names it. Mounts, links and nftables
// tables are planted in namespaces of this process alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/memfd.h"
#include "base/spawn.h"

namespace davit {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int exit_code = -1;
  std::string output;
};

Outcome RunProgram(const std::vector<std::string>& args) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return {};
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  auto child = Spawn({.program = args[0],
                      .args = args,
                      .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                      .fds = {{writer.get(), 1}, {writer.get(), 2}}});
  writer.Reset();
  if (!child) return {-1, child.error().ToString()};
  auto output = ReadFd(reader.get(), args[0]);
  auto status = Reap(*child);
  return {status ? status->code : -1, output ? *output : output.error().ToString()};
}

// A process that sleeps until the test is over.
class Sleeper {
 public:
  explicit Sleeper(const SpawnRequest& request) : child_(Spawn(request).value()) {}
  ~Sleeper() {
    static_cast<void>(child_.pidfd.Signal(SIGKILL));
    static_cast<void>(Reap(child_));
  }
  std::string pid() const { return std::to_string(child_.pid); }

 private:
  ChildProcess child_;
};

class LeakCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: namespaces, cgroups";
    for (const char* tool : {"/usr/bin/python3", "/usr/sbin/nft", "/usr/sbin/ip"}) {
      if (access(tool, X_OK) < 0 && access((std::string("/usr") + tool).c_str(), X_OK) < 0) {
        GTEST_SKIP() << "needs " << tool;
      }
    }
    // /run is a fresh one too, so that nothing planted below it is seen outside.
    static const bool kOwnNamespaces = unshare(CLONE_NEWNS | CLONE_NEWNET) == 0 &&
                                       mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                                       mount("tmpfs", "/run", "tmpfs", 0, nullptr) == 0 &&
                                       mkdir("/run/netns", 0755) == 0;
    if (!kOwnNamespaces) GTEST_SKIP() << "needs mount and network namespaces of its own (CAP_SYS_ADMIN)";
    std::string pattern = (fs::temp_directory_path() / "davit-leakcheck-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    prefix_ = "/davit-test-leakcheck-" + std::to_string(getpid());
    for (const char* directory : {"root/snapshots/containers", "root/snapshots/layers", "state/exits"}) {
      fs::create_directories(path_ + "/" + directory);
    }
  }
  void TearDown() override {
    if (!path_.empty()) fs::remove_all(path_);
  }

  void Snapshot(const std::vector<std::string>& scope) {
    std::vector<std::string> args = {DAVIT_LEAKCHECK, "snapshot", path_ + "/before"};
    args.insert(args.end(), scope.begin(), scope.end());
    Outcome outcome = RunProgram(args);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  }
  void SnapshotInstance() {
    Snapshot({"--root", path_ + "/root", "--state", path_ + "/state", "--bridge", "dvleak0", "--nft-table",
              "davit-dvleak0", "--cgroup-prefix", prefix_});
  }
  void ExpectReport(const std::string& line) {
    Outcome outcome = RunProgram({DAVIT_LEAKCHECK, "compare", path_ + "/before", "--settle", "0"});
    EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr(line));
  }
  void ExpectClean() {
    Outcome outcome = RunProgram({DAVIT_LEAKCHECK, "compare", path_ + "/before", "--settle", "5"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("nothing is left behind"));
  }
  static void MustRun(const std::vector<std::string>& args) {
    Outcome outcome = RunProgram(args);
    ASSERT_EQ(outcome.exit_code, 0) << args[1] << ": " << outcome.output;
  }
  static void Ip(std::vector<std::string> args) {
    args.insert(args.begin(), "/usr/sbin/ip");
    MustRun(args);
  }
  static void Nft(std::vector<std::string> args) {
    args.insert(args.begin(), "/usr/sbin/nft");
    MustRun(args);
  }
  static void Touch(const std::string& path) {
    ASSERT_TRUE(OpenAt(AT_FDCWD, path, O_CREAT | O_WRONLY, 0600));
  }
  // A directory in a hierarchy that holds processes.
  std::string MakeCgroup() {
    for (const char* hierarchy : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      std::string path = hierarchy + prefix_;
      if (access((std::string(hierarchy) + "/cgroup.procs").c_str(), W_OK) == 0 &&
          mkdir(path.c_str(), 0755) == 0) {
        return path;
      }
    }
    return "";
  }

  std::string path_;
  std::string prefix_;
};

TEST_F(LeakCheck, IsContentWithAnUnchangedHost) {
  SnapshotInstance();
  ExpectClean();
}

TEST_F(LeakCheck, FindsAMount) {
  SnapshotInstance();
  std::string target = path_ + "/root/snapshots/containers";
  ASSERT_EQ(mount("tmpfs", target.c_str(), "tmpfs", 0, nullptr), 0);
  ExpectReport("left behind: mount " + target + " (tmpfs tmpfs)");
  ASSERT_EQ(umount2(target.c_str(), MNT_DETACH), 0);
  ExpectClean();
}

TEST_F(LeakCheck, FindsAPinnedNetworkNamespace) {
  SnapshotInstance();
  Touch("/run/netns/davit-0123");
  ExpectReport("left behind: pinned netns /run/netns/davit-0123");
  unlink("/run/netns/davit-0123");
  ExpectClean();
}

TEST_F(LeakCheck, FindsABridgeItsPortsAndInterfacesThatLostTheirBridge) {
  SnapshotInstance();
  Ip({"link", "add", "other0", "type", "bridge"});
  ExpectClean();
  Ip({"link", "add", "dvleak0", "type", "bridge"});
  ExpectReport("left behind: link dvleak0\n");
  Ip({"link", "add", "port0", "master", "dvleak0", "type", "veth", "peer", "name", "peer0"});
  ExpectReport("left behind: link port0 (port of dvleak0)");
  Ip({"link", "add", "veth0123456789a", "type", "veth", "peer", "name", "peer1"});
  ExpectReport("left behind: link veth0123456789a");
  for (const char* link : {"veth0123456789a", "port0", "dvleak0", "other0"}) Ip({"link", "delete", link});
  ExpectClean();
}

TEST_F(LeakCheck, FindsATableAndAnElement) {
  SnapshotInstance();
  Nft({"add", "table", "inet", "other"});
  ExpectClean();
  Nft({"add", "table", "inet", "davit-dvleak0"});
  ExpectReport("left behind: nft table inet davit-dvleak0");
  Nft({"add", "set", "inet", "davit-dvleak0", "ports", "{ type inet_service; }"});
  SnapshotInstance();
  Nft({"add", "element", "inet", "davit-dvleak0", "ports", "{ 8080 }"});
  ExpectReport("left behind: nft element inet davit-dvleak0 ports 8080");
  for (const char* table : {"davit-dvleak0", "other"}) Nft({"delete", "table", "inet", table});
  ExpectReport("gone: nft table inet davit-dvleak0");
}

TEST_F(LeakCheck, FindsACgroupAndTheProcessesInIt) {
  SnapshotInstance();
  std::string cgroup = MakeCgroup();
  if (cgroup.empty()) GTEST_SKIP() << "needs a writable cgroup hierarchy";
  ExpectReport("left behind: cgroup " + cgroup.substr(0, cgroup.size() - prefix_.size()) + " " + prefix_);
  {
    Sleeper sleeper({.program = "/bin/sleep", .args = {"sleep", "1000"}, .env = {}, .fds = {}});
    auto moved = WriteFileAt(AT_FDCWD, cgroup + "/cgroup.procs", sleeper.pid());
    EXPECT_TRUE(moved) << moved.error().ToString();
    ExpectReport("left behind: process " + sleeper.pid() + " started at tick");
  }
  ASSERT_EQ(rmdir(cgroup.c_str()), 0);
  ExpectClean();
}

TEST_F(LeakCheck, FindsAShimThatUsesTheInstancesDirectories) {
  SnapshotInstance();
  auto program = MakeSealedMemfd("davit-shim", ReadFile("/bin/sleep").value(), MemfdUse::kExecutable);
  ASSERT_TRUE(program) << program.error().ToString();
  std::string path = "/proc/self/fd/" + std::to_string(program->get());
  auto exits = OpenAt(AT_FDCWD, path_ + "/state/exits", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(exits) << exits.error().ToString();
  {
    Sleeper stranger({.program = path, .args = {"sleep", "1000"}, .env = {}, .fds = {}});
    ExpectClean();
    Sleeper shim({.program = path, .args = {"sleep", "1000"}, .env = {}, .fds = {{exits->get(), 5}}});
    ExpectReport("left behind: process " + shim.pid() + " started at tick");
  }
  ExpectClean();
}

TEST_F(LeakCheck, FindsFilesAndSockets) {
  SnapshotInstance();
  Touch(path_ + "/state/exits/0123");
  ExpectReport("left behind: file " + path_ + "/state/exits/0123");
  fs::create_directory(path_ + "/root/snapshots/containers/4567");
  ExpectReport("left behind: file " + path_ + "/root/snapshots/containers/4567");
  fs::create_directory(path_ + "/root/snapshots/layers/89ab");
  ExpectReport("left behind: file " + path_ + "/root/snapshots/layers/89ab");
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%s/state/shim", path_.c_str());
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ExpectReport("left behind: file " + path_ + "/state/shim");
}

TEST_F(LeakCheck, SaysWhatIsGone) {
  Touch(path_ + "/state/exits/0123");
  SnapshotInstance();
  unlink((path_ + "/state/exits/0123").c_str());
  ExpectReport("gone: file " + path_ + "/state/exits/0123");
}

TEST_F(LeakCheck, LooksAtTheWholeHostWithoutAScope) {
  Snapshot({});
  ASSERT_EQ(mount("tmpfs", (path_ + "/state").c_str(), "tmpfs", 0, nullptr), 0);
  Ip({"link", "add", "any0", "type", "bridge"});
  Nft({"add", "table", "inet", "any"});
  Touch("/run/davit-test");
  for (const std::string& left : {"mount " + path_ + "/state", std::string("link any0"),
                                  std::string("nft table inet any"), std::string("file /run/davit-test")}) {
    ExpectReport("left behind: " + left);
  }
  umount2((path_ + "/state").c_str(), MNT_DETACH);
  unlink("/run/davit-test");
  Ip({"link", "delete", "any0"});
  Nft({"delete", "table", "inet", "any"});
}

TEST_F(LeakCheck, RefusesToLookWithoutASnapshot) {
  Outcome outcome = RunProgram({DAVIT_LEAKCHECK, "compare", path_ + "/absent"});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output, Not(HasSubstr("nothing is left behind")));
}

}  // namespace
}  // namespace davit
