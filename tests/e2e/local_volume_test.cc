// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Volumes of local containers.

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file_io.h"
#include "tests/e2e/local_containers.h"

namespace davit::e2e {
namespace {

using client::CommandOutcome;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace fs = std::filesystem;

// Has the volumes /data, with a file and the mode 1777, and /srv/new, which is no directory of it.
constexpr char kWithVolumes[] = "registry.test/davit/volume:latest";

class LocalVolumes : public LocalContainers {
 protected:
  void TearDown() override {
    std::string ids = Davit({"ps", "-aq"});
    for (size_t begin = 0; begin < ids.size(); begin = ids.find('\n', begin) + 1)
      TryDavit({"rm", "-f", ids.substr(begin, ids.find('\n', begin) - begin)});
    TryDavit({"volume", "prune", "-a", "-f"});
    std::string trash = Root() + "/.trash";
    WaitUntil("removed volumes are deleted", [&] { return !fs::exists(trash) || fs::is_empty(trash); });
    LocalContainers::TearDown();
  }

  std::string Root() { return instance().directory() + "/root/volumes"; }
  std::vector<std::string> Names(const std::vector<std::string>& filter = {}) {
    std::vector<std::string> words = {"volume", "ls", "-q"};
    words.insert(words.end(), filter.begin(), filter.end());
    std::string list = Davit(words);
    std::vector<std::string> names;
    for (size_t begin = 0; begin < list.size(); begin = list.find('\n', begin) + 1)
      names.push_back(list.substr(begin, list.find('\n', begin) - begin));
    return names;
  }
  json InspectVolume(const std::string& name) {
    return json::parse(Davit({"volume", "inspect", name})).at(0);
  }
};

TEST_F(LocalVolumes, DataOutlivesTheContainersThatWriteIt) {
  EXPECT_EQ(Davit({"volume", "create", "--label", "stage=test", "data"}), "data\n");
  RunScript("echo hi >/mnt/file; id -u >>/mnt/file", {"-v", "data:/mnt"});
  EXPECT_EQ(RunScript("cat /elsewhere/file", {"--mount", "source=data,target=/elsewhere"}), "hi\n0\n");
  EXPECT_EQ(RunScript("touch /mnt/x 2>/dev/null || echo read-only", {"-v", "data:/mnt:ro"}), "read-only\n");
  json volume = InspectVolume("data");
  EXPECT_EQ(volume["Driver"], "local");
  EXPECT_EQ(volume["Labels"]["stage"], "test");
  EXPECT_EQ(ReadFile(volume["Mountpoint"].get<std::string>() + "/file").value(), "hi\n0\n");
  EXPECT_THAT(Davit({"volume", "ls"}), AllOf(HasSubstr("VOLUME NAME"), HasSubstr("data")));
  EXPECT_EQ(Davit({"volume", "rm", "data"}), "data\n");
  EXPECT_FALSE(fs::exists(volume["Mountpoint"].get<std::string>()));
  CommandOutcome missing = TryDavit({"volume", "rm", "data"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.output, HasSubstr("get data: no such volume"));
}

TEST_F(LocalVolumes, OneInUseNamesItsUsers) {
  RunIdle("web", {"-v", "data:/data"});
  std::string id = Inspect("web")["Id"].get<std::string>();
  CommandOutcome refused = TryDavit({"volume", "rm", "data"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("remove data: volume is in use - [" + id + "]"));
  EXPECT_THAT(Names({"-f", "dangling=true"}), IsEmpty());
  json mounts = Inspect("web")["Mounts"];
  ASSERT_THAT(mounts, SizeIs(1));
  EXPECT_EQ(mounts[0]["Type"], "volume");
  EXPECT_EQ(mounts[0]["Name"], "data");
  EXPECT_EQ(mounts[0]["Destination"], "/data");
  Davit({"stop", "-t", "0", "web"});
  EXPECT_EQ(TryDavit({"volume", "rm", "data"}).exit_code, 1) << "it is still mounted at the next start";
  EXPECT_THAT(Davit({"system", "df"}), HasSubstr("Local Volumes"));
  Davit({"rm", "web"});
  Davit({"volume", "rm", "data"});
}

TEST_F(LocalVolumes, TheFirstUseFillsItFromTheImage) {
  Davit({"pull", "--quiet", kWithVolumes});
  std::string look = "cat /data/seed; stat -c %a /data; ls /srv/new";
  EXPECT_EQ(Davit({"run", "--rm", "-v", "data:/data", kWithVolumes, "sh", "-c", look}),
            "from the image\n1777\n");
  RunScript("echo changed >/x/seed", {"-v", "data:/x"});
  EXPECT_EQ(Davit({"run", "--rm", "-v", "data:/data", kWithVolumes, "cat", "/data/seed"}), "changed\n");
  EXPECT_EQ(Davit({"run", "--rm", "-v", "empty:/data:nocopy", kWithVolumes, "ls", "/data"}), "");
  EXPECT_EQ(Davit({"run", "--rm", "-v", "etc:/data/../etc", kBusybox, "cat", "/etc/passwd"}),
            Davit({"run", "--rm", kBusybox, "cat", "/etc/passwd"}));
  EXPECT_THAT(TryDavit({"run", "--rm", "-v", "file:/etc/passwd", kBusybox, "true"}).output,
              HasSubstr("cannot mount volume over existing file"));
  EXPECT_THAT(Names(), ::testing::ElementsAre("data", "empty", "etc")) << "those of --rm are gone";
  EXPECT_TRUE(fs::is_empty(Root() + "/.staging"));
}

TEST_F(LocalVolumes, AnonymousOnesBelongToTheirContainer) {
  Davit({"pull", "--quiet", kWithVolumes});
  Davit({"run", "--name", "db", "-v", "/more", kWithVolumes, "sh", "-c",
         "echo x >>/srv/new/count; echo x >>/more/count; wc -l </srv/new/count; cat /data/seed"});
  EXPECT_THAT(Names(), SizeIs(3));
  Davit({"start", "db"});
  EXPECT_EQ(Davit({"wait", "db"}), "0\n");
  EXPECT_EQ(Davit({"logs", "db"}), "1\nfrom the image\n2\nfrom the image\n");
  Davit({"rm", "db"});
  EXPECT_THAT(Names({"-f", "dangling=true"}), SizeIs(3));
  EXPECT_THAT(Davit({"volume", "prune", "-f"}), AllOf(HasSubstr("Deleted Volumes:"), HasSubstr("reclaimed")));
  Davit({"run", "--name", "db", kWithVolumes, "true"});
  EXPECT_THAT(Names(), SizeIs(2));
  Davit({"rm", "-v", "db"});
  EXPECT_THAT(Names(), IsEmpty());
  Davit({"run", "--rm", "-v", "/more", "-v", "named:/named", kWithVolumes, "true"});
  EXPECT_THAT(Names(), ::testing::ElementsAre("named"));
  EXPECT_THAT(Davit({"volume", "prune", "-f"}), ::testing::Not(HasSubstr("named")));
  EXPECT_THAT(Davit({"volume", "prune", "-a", "-f"}), HasSubstr("named"));
}

TEST_F(LocalVolumes, LiveThroughTheDeathOfTheDaemon) {
  RunIdle("web", {"-v", "data:/data", "-v", "/anonymous"});
  Davit({"exec", "web", "sh", "-c", "echo kept >/data/file; echo kept >/anonymous/file"});
  json before = Inspect("web")["Mounts"];
  instance().Kill();
  // As a crash leaves it between two steps: copied and not moved, and removed and not deleted.
  fs::create_directories(Root() + "/.staging/x/files");
  fs::create_directories(Root() + "/.trash/y/_data");
  fs::create_directories(Root() + "/late/_data");
  fs::create_directories(Root() + "/late/filled");
  std::ofstream(Root() + "/late/filled/file") << "late";
  instance().Restart();
  Reconnect();
  EXPECT_EQ(Inspect("web")["Mounts"], before);
  EXPECT_EQ(Davit({"exec", "web", "cat", "/data/file", "/anonymous/file"}), "kept\nkept\n");
  EXPECT_EQ(TryDavit({"volume", "rm", "data"}).exit_code, 1);
  EXPECT_EQ(RunScript("cat /x/file", {"-v", "late:/x"}), "late") << "which was taken over";
  EXPECT_FALSE(fs::exists(Root() + "/.staging/x"));
  WaitUntil("the trash is empty", [this] { return fs::is_empty(Root() + "/.trash"); });
  Davit({"restart", "-t", "0", "web"});
  EXPECT_EQ(Davit({"exec", "web", "cat", "/data/file", "/anonymous/file"}), "kept\nkept\n");
}

// The daemon dies at many moments of a creation: afterwards there is the whole container, or no anonymous
// volume and no half of a named one.
TEST_F(LocalVolumes, ACreationIsWholeOrLeavesNothing) {
  Davit({"pull", "--quiet", kWithVolumes});
  for (int delay_ms : {0, 1, 2, 3, 5, 8, 12, 20, 40}) {
    std::thread create([this] { TryDavit({"create", "--name", "db", "-v", "data:/data", kWithVolumes}); });
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    instance().Kill();
    instance().Restart();
    Reconnect();
    create.join();
    WaitUntil("what was not made completely is removed", [this] {
      CommandOutcome found = TryDavit({"inspect", "--format", "{{.State.Status}}", "db"});
      return found.output != "removing\n";
    });
    bool created = TryDavit({"inspect", "db"}).exit_code == 0;
    bool named = TryDavit({"volume", "inspect", "data"}).exit_code == 0;
    EXPECT_THAT(Names(), SizeIs((created ? 1 : 0) + (named ? 1 : 0))) << delay_ms << " ms";
    EXPECT_TRUE(!created || named);
    EXPECT_EQ(Davit({"run", "--rm", "-v", "data:/data", kWithVolumes, "cat", "/data/seed"}),
              "from the image\n");
    if (created) Davit({"rm", "-v", "db"});
    Davit({"volume", "rm", "data"});
    EXPECT_THAT(Names(), IsEmpty());
  }
}

TEST_F(LocalVolumes, AContainerCanHaveThoseOfAnother) {
  Davit({"create", "--name", "db", "-v", "data:/data", "-v", "/anonymous", "-v", "/etc:/host:ro", kBusybox,
         "true"});
  RunScript("echo shared | tee /data/file >/anonymous/file", {"--volumes-from", "db"});
  EXPECT_EQ(
      RunScript(
          "cat /data/file /anonymous/file; test -e /host/passwd && touch /data/x 2>/dev/null || echo ro",
          {"--volumes-from", "db:ro"}),
      "shared\nshared\nro\n");
  EXPECT_THAT(Names(), SizeIs(2)) << "the volumes of db outlive those that borrowed them";
  EXPECT_THAT(TryDavit({"run", "--rm", "--volumes-from", "nobody", kBusybox, "true"}).output,
              HasSubstr("no such container"));
}

TEST_F(LocalVolumes, SystemPruneRemovesWhatIsUnused) {
  RunIdle("web", {"-v", "/of-web"});
  Davit({"run", "--name", "done", "-v", "/of-done", "-v", "named:/named", kBusybox, "true"});
  std::string pruned = Davit({"system", "prune", "-a", "-f"});
  EXPECT_THAT(pruned, AllOf(HasSubstr("Deleted Containers:"), HasSubstr("Total reclaimed space")));
  EXPECT_THAT(Names(), SizeIs(3));
  EXPECT_EQ(StateOf("web"), "running");
  EXPECT_THAT(Davit({"system", "prune", "--volumes", "-f"}), HasSubstr("Deleted Volumes:"));
  EXPECT_THAT(Names(), SizeIs(2)) << "that of web, and the one with a name";
  EXPECT_EQ(Davit({"ps", "-aq"}), Davit({"ps", "-q"}));
}

TEST_F(LocalVolumes, ATmpfsIsEmptyAtEachStartAndLimited) {
  Davit({"run", "--name", "web", "--read-only", "--tmpfs", "/t:size=64k,mode=750,uid=7", "--tmpfs", "/x:exec",
         "--mount", "type=tmpfs,dst=/m,tmpfs-size=1m", kBusybox, "sh", "-c",
         "ls /t; stat -c %a:%u /t; grep -c ' /t tmpfs.*noexec' /proc/mounts; "
         "grep ' /x tmpfs' /proc/mounts | grep -c noexec; df -k /t | tail -1 | awk '{print $2}'; stat -c %a "
         "/m; "
         "touch /t/file; head -c 100000 /dev/zero >/t/large 2>/dev/null || echo full"});
  EXPECT_EQ(Davit({"start", "web"}), "web\n");
  Davit({"wait", "web"});
  const std::string once = "750:7\n1\n0\n64\n1777\nfull\n";
  EXPECT_EQ(Davit({"logs", "web"}), once + once);
  EXPECT_EQ(Inspect("web")["HostConfig"]["Tmpfs"]["/t"], "rw,noexec,nosuid,nodev,mode=750,size=65536,uid=7");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(LocalVolumes, BadInputIsExplained) {
  struct Case {
    std::vector<std::string> words;
    int exit_code;
    const char* text;
  };
  for (const auto& [words, exit_code, text] :
       {Case{{"volume", "create", "a/b"}, 1, "[a-zA-Z0-9][a-zA-Z0-9_.-]"},
        Case{{"volume", "create", "-d", "nfs", "x"}, 1, "the driver local"},
        Case{{"volume", "inspect", "nothing"}, 1, "no such volume"},
        Case{{"volume", "ls", "-f", "size=1"}, 1, "there are dangling, driver, label, name"},
        Case{{"run", "-v", "a b:/x", kBusybox}, 125, "If you intended to pass a host directory"},
        Case{{"run", "-v", "a:/x", "-v", "b:/x", kBusybox}, 125, "Duplicate mount point"},
        Case{{"run", "--tmpfs", "/x", "-v", "b:/x", kBusybox}, 125, "Duplicate mount point"},
        Case{{"run", "--tmpfs", "/", kBusybox}, 125, "root"},
        Case{{"run", "-v", "a:/", kBusybox}, 125, "root"}}) {
    CommandOutcome outcome = TryDavit(words);
    EXPECT_EQ(outcome.exit_code, exit_code) << text;
    EXPECT_THAT(outcome.output, HasSubstr(text));
  }
  EXPECT_THAT(Names(), IsEmpty());
}

}  // namespace
}  // namespace davit::e2e
