// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The files of local containers: cp, export, diff, commit and import.

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "tests/e2e/local_containers.h"

namespace davit::e2e {
namespace {

using client::CommandOutcome;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

namespace fs = std::filesystem;

// The processes davit-rootfs that a daemon has.
int WorkersOf(pid_t daemon) {
  int workers = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::string status = ReadFile(entry.path().string() + "/status").value_or("");
    bool is_worker = status.starts_with("Name:\tdavit-rootfs\n");
    if (is_worker && status.find("\nPPid:\t" + std::to_string(daemon) + "\n") != std::string::npos) ++workers;
  }
  return workers;
}

class LocalCopy : public LocalContainers {
 protected:
  void SetUp() override {
    LocalContainers::SetUp();
    fs::create_directory(here_);
  }
  // The registry is in the directory of the instance, which goes with it.
  void TearDown() override {
    if (!registry_.empty()) client::Run({client::SourcePath("tests/images/registry"), "stop", registry_});
    LocalContainers::TearDown();
  }
  std::string Here(const std::string& name) { return here_ + "/" + name; }
  void Write(const std::string& name, const std::string& content) { std::ofstream(Here(name)) << content; }
  std::string Content(const std::string& name) { return ReadFile(Here(name)).value_or("(none)"); }
  std::string InContainer(const std::string& name, const std::string& script) {
    return Davit({"exec", name, "sh", "-c", script});
  }
  // A command line with pipes; "davit" stands for the command.
  CommandOutcome Shell(const std::string& words) {
    return client::Run({"/bin/sh", "-c",
                        "davit() { " DAVIT_BUILD_BIN_DIR "/davit --address unix://" + instance().socket() +
                            " \"$@\"; }; cd " + here_ + "; " + words});
  }
  void ExpectFailure(const std::vector<std::string>& words, const std::string& message) {
    CommandOutcome outcome = TryDavit(words);
    EXPECT_EQ(outcome.exit_code, 1) << ::testing::PrintToString(words);
    EXPECT_THAT(outcome.output, HasSubstr(message)) << ::testing::PrintToString(words);
  }
  // A registry that has no images yet.
  std::string StartRegistry() {
    registry_ = instance().directory() + "/second-registry";
    client::MustRun({client::SourcePath("tests/images/registry"), "start", registry_});
    std::string address;
    std::ifstream(registry_ + "/address") >> address;
    return address;
  }

 private:
  const std::string here_ = instance().directory() + "/here";
  std::string registry_;
};

// Docker's table: what the destination is decides the name.
TEST_F(LocalCopy, FilesAndDirectoriesGoBothWays) {
  fs::create_directories(Here("conf/sub"));
  Write("conf/sub/f", "deep");
  Write("file", "content");
  RunIdle("web");
  for (bool running : {true, false}) {
    SCOPED_TRACE(running ? "running" : "stopped");
    std::string to = running ? "/r" : "/s";
    Davit({"cp", Here("file"), "web:" + to});              // a new file
    Davit({"cp", Here("conf"), "web:" + to + "-dir"});     // a new directory
    Davit({"cp", Here("conf"), "web:" + to + "-dir"});     // in the directory that exists now
    Davit({"cp", Here("conf/."), "web:" + to + "-dir/"});  // what is in it
    EXPECT_THAT(Davit({"cp", Here("file"), "web:" + to}), HasSubstr("Successfully copied"));
    EXPECT_EQ(Davit({"cp", "-q", Here("file"), "web:" + to + "-dir"}), "");
    Davit({"cp", "web:" + to, Here("back")});
    EXPECT_EQ(Content("back"), "content");
    Davit({"cp", "web:" + to + "-dir", Here("tree")});
    for (const char* name : {"tree/sub/f", "tree/conf/sub/f"}) EXPECT_EQ(Content(name), "deep") << name;
    EXPECT_EQ(Content("tree/file"), "content");
    Davit({"cp", "web:" + to + "-dir/sub/.", Here("tree")});
    EXPECT_EQ(Content("tree/f"), "deep");
    fs::remove_all(Here("tree"));
    fs::remove(Here("back"));

    ExpectFailure({"cp", Here("file"), "web:/none/x"}, "Could not find the file /none in container web");
    ExpectFailure({"cp", Here("file"), "web:/none/"}, "no such directory");
    ExpectFailure({"cp", Here("conf"), "web:" + to}, "cannot copy directory");
    ExpectFailure({"cp", "web:/none", Here("x")}, "Could not find the file /none in container web");
    ExpectFailure({"cp", "web:/etc/passwd/", Here("x")}, "not a directory");
    ExpectFailure({"cp", "web:/etc/passwd", Here("none/x")}, "does not exist");
    ExpectFailure({"cp", "web:/etc", Here("file")}, "cannot copy directory");
    ExpectFailure({"cp", "web:/etc/passwd", "web:/x"}, "copying between containers is not supported");
    ExpectFailure({"cp", Here("file"), Here("x")}, "must specify at least one container source");
    ExpectFailure({"cp", "nobody:/etc/passwd", Here("x")}, "nobody");
    if (running) Davit({"stop", "-t", "0", "web"});
  }
  Davit({"start", "web"});
  EXPECT_EQ(InContainer("web", "cat /r /s /s-dir/sub/f"), "contentcontentdeep");
}

TEST_F(LocalCopy, AContainerThatWasNeverStartedHasFiles) {
  Davit({"create", "--name", "new", kBusybox, "cat", "/greeting"});
  Write("greeting", "hello\n");
  Davit({"cp", Here("greeting"), "new:/"});
  Davit({"cp", "new:/bin/busybox", Here("busybox")});
  EXPECT_GT(fs::file_size(Here("busybox")), 100'000u);
  Davit({"start", "new"});
  Davit({"wait", "new"});
  EXPECT_EQ(Davit({"logs", "new"}), "hello\n");
}

TEST_F(LocalCopy, VolumesHaveTheirFilesRunningOrNot) {
  Davit({"create", "--name", "web", "-v", "data:/mnt/data", kBusybox, "true"});
  Write("file", "content");
  Davit({"cp", Here("file"), "web:/mnt/data/"});
  RunIdle("other", {"-v", "data:/data"});
  EXPECT_EQ(InContainer("other", "cat /data/file"), "content");
  Davit({"cp", "other:/data/file", Here("back")});
  EXPECT_EQ(Content("back"), "content");
  Davit({"rm", "-f", "web", "other"});
  Davit({"volume", "rm", "data"});
}

TEST_F(LocalCopy, ArchivesComeFromPipesAndGoIntoThem) {
  RunIdle("web");
  fs::create_directory(Here("d"));
  Write("d/f", "piped");
  EXPECT_EQ(Shell("tar -c --owner=7 --group=8 d | davit cp - web:/tmp").exit_code, 0);
  EXPECT_EQ(InContainer("web", "cat /tmp/d/f; stat -c %u:%g /tmp/d/f"), "piped7:8\n");
  EXPECT_EQ(Shell("tar -cz d | davit cp - web:/var").exit_code, 0);
  EXPECT_EQ(Shell("davit cp web:/var/d - | tar -xO d/f").output, "piped");
  CommandOutcome to_file = Shell("tar -c d | davit cp - web:/etc/passwd");
  EXPECT_EQ(to_file.exit_code, 1);
  EXPECT_THAT(to_file.output, HasSubstr("must be a directory"));
  CommandOutcome no_tar = Shell("head -c 100000 /dev/urandom | davit cp - web:/tmp");
  EXPECT_EQ(no_tar.exit_code, 1);
}

TEST_F(LocalCopy, OwnersAreKeptOnRequest) {
  RunIdle("web");
  Write("mine", "#!/bin/sh\n");
  ASSERT_EQ(chown(Here("mine").c_str(), 12, 34), 0);
  ASSERT_EQ(chmod(Here("mine").c_str(), 06755), 0);
  Davit({"cp", Here("mine"), "web:/plain"});
  Davit({"cp", "-a", Here("mine"), "web:/kept"});
  EXPECT_EQ(InContainer("web", "stat -c %u:%g:%a /plain /kept"), "0:0:755\n12:34:6755\n");
  Davit({"cp", "web:/kept", Here("plain")});
  Davit({"cp", "-a", "web:/kept", Here("kept")});
  struct stat plain{};
  struct stat kept{};
  ASSERT_EQ(stat(Here("plain").c_str(), &plain), 0);
  ASSERT_EQ(stat(Here("kept").c_str(), &kept), 0);
  EXPECT_EQ(plain.st_uid, 0u);
  EXPECT_EQ(plain.st_mode & 07777, 0755u);
  EXPECT_EQ(kept.st_uid, 12u);
  EXPECT_EQ(kept.st_mode & 07777, 06755u);
}

TEST_F(LocalCopy, LinksAreFollowedOnRequest) {
  RunIdle("web");
  InContainer("web", "echo target >/target; ln -s /target /link; mkdir /real; ln -s real /dirlink");
  Davit({"cp", "web:/link", Here("link")});
  EXPECT_EQ(fs::read_symlink(Here("link")), "/target");
  Davit({"cp", "-L", "web:/link", Here("followed")});
  EXPECT_EQ(Content("followed"), "target\n");
  Write("source", "new\n");
  fs::create_symlink("source", Here("local-link"));
  Davit({"cp", "-L", Here("local-link"), "web:/copied"});
  Davit({"cp", Here("source"), "web:/link"});  // what the link points to is replaced
  Davit({"cp", Here("source"), "web:/dirlink"});
  EXPECT_EQ(InContainer("web", "cat /copied /target /real/source; readlink /link"),
            "new\nnew\nnew\n/target\n");
}

TEST_F(LocalCopy, MountsAreSeenAndKeepTheirWord) {
  fs::create_directory(Here("volume"));
  Write("volume/f", "of the volume");
  Write("new", "new");
  RunIdle("web", {"-v", Here("volume") + ":/data", "-v", Here("volume") + ":/ro:ro"});
  for (bool running : {true, false}) {
    SCOPED_TRACE(running ? "running" : "stopped");
    Davit({"cp", "web:/data/f", Here("f")});
    EXPECT_EQ(Content("f"), "of the volume");
    Davit({"cp", Here("new"), "web:/data/g"});
    EXPECT_EQ(Content("volume/g"), "new");
    fs::remove(Here("volume/g"));
    ExpectFailure({"cp", Here("new"), "web:/ro/g"}, "read-only");
    EXPECT_FALSE(fs::exists(Here("volume/g")));
    if (running) Davit({"stop", "-t", "0", "web"});
  }
  EXPECT_EQ(Shell("davit export web | tar -t | grep -c ^data/.").output, "0\n") << "export is without mounts";
  RunIdle("sealed", {"--read-only"});
  ExpectFailure({"cp", Here("new"), "sealed:/x"}, "container rootfs is marked read-only");
  Davit({"stop", "-t", "0", "sealed"});
  ExpectFailure({"cp", Here("new"), "sealed:/x"}, "container rootfs is marked read-only");
}

// Whatever a container makes of its files, no path leads out of them.
TEST_F(LocalCopy, NothingLeadsOutOfAContainer) {
  Write("secret", "secret of the host");
  Write("bad", "bad");
  RunIdle("evil", {"--pid", "host"});
  InContainer("evil", "ln -s " + Here("secret") + " /abs; ln -s ../../../../../.." + Here("secret") +
                          " /rel; ln -s /proc/1/root /magic; ln -s " + instance().directory() +
                          " /dir; mkfifo /fifo");
  for (const char* path : {"/abs", "/rel", "/magic/etc/hostname", "/proc/1/root/etc/hostname"}) {
    CommandOutcome out = TryDavit({"cp", "-L", std::string("evil:") + path, Here("stolen")});
    EXPECT_NE(out.exit_code, 0) << path;
    EXPECT_FALSE(fs::exists(Here("stolen"))) << path;
  }
  for (const char* path : {"/dir/planted", "/dir/", "/magic/tmp/planted", "/proc/1/root/tmp/planted"})
    EXPECT_NE(TryDavit({"cp", Here("bad"), std::string("evil:") + path}).exit_code, 0) << path;
  EXPECT_FALSE(fs::exists(instance().directory() + "/planted"));
  EXPECT_FALSE(fs::exists("/tmp/planted"));
  EXPECT_EQ(Content("secret"), "secret of the host");
  // The links themselves are files like others, and so are FIFOs, which nobody opens.
  fs::create_directory(Here("all"));
  Davit({"cp", "evil:/abs", Here("all")});
  EXPECT_TRUE(fs::is_symlink(Here("all/abs")));
  Davit({"cp", "evil:/fifo", Here("all")});
  EXPECT_TRUE(fs::is_fifo(Here("all/fifo")));
  EXPECT_EQ(Davit({"exec", "evil", "echo", "alive"}), "alive\n");
}

TEST_F(LocalCopy, ABigSparseFileIsSmallOnItsWay) {
  RunIdle("web");
  InContainer("web", "dd if=/dev/zero of=/sparse bs=1 count=1 seek=200G 2>/dev/null");
  Davit({"cp", "web:/sparse", Here("sparse")});
  struct stat status{};
  ASSERT_EQ(stat(Here("sparse").c_str(), &status), 0);
  EXPECT_GT(status.st_size, 200LL << 30);
  EXPECT_LT(status.st_blocks, 10'000);
}

// A tree that is never the same twice.
TEST_F(LocalCopy, ATreeThatChangesIsCopiedAsItWasSeen) {
  Davit({"run", "-d", "--name", "churn", kBusybox, "sh", "-c",
         "mkdir /t; i=0; while :; do i=$((i+1)); echo $i >/t/a; mv /t/a /t/b; ln -s / /t/c; rm -f /t/c; "
         "mkdir /t/c; "
         "rmdir /t/c; done"});
  for (int i = 0; i < 10; ++i) {
    CommandOutcome out = TryDavit({"cp", "-q", "churn:/t", Here("t")});
    EXPECT_EQ(out.exit_code, 0) << out.output;
    fs::remove_all(Here("t"));
  }
}

TEST_F(LocalCopy, DiffListsWhatWasChanged) {
  RunIdle("web");
  EXPECT_EQ(Davit({"diff", "web"}), "");
  InContainer(
      "web",
      "echo x >/etc/new; rm /etc/group; echo y >>/etc/passwd; mkdir -p /a/b; rm -r /var/www 2>/dev/null; :");
  std::string diff = Davit({"diff", "web"});
  EXPECT_THAT(diff, AllOf(HasSubstr("C /etc\n"), HasSubstr("A /etc/new\n"), HasSubstr("D /etc/group\n"),
                          HasSubstr("C /etc/passwd\n"), HasSubstr("A /a\nA /a/b\n")));
  EXPECT_THAT(diff, Not(HasSubstr("/proc")));
  Davit({"stop", "-t", "0", "web"});
  EXPECT_EQ(Davit({"diff", "web"}), diff);
  json changes = json::parse(Davit({"--output", "json", "diff", "web"}));
  EXPECT_TRUE(std::ranges::any_of(
      changes, [](const json& change) { return change == json({{"Kind", 2}, {"Path", "/etc/group"}}); }));
  Davit({"create", "--name", "new", kBusybox});
  EXPECT_EQ(Davit({"diff", "new"}), "");
}

TEST_F(LocalCopy, AnExportIsImportedAndRun) {
  RunIdle("web");
  InContainer("web", "echo exported >/mark; rm /etc/group");
  std::string tar = Here("web.tar");
  EXPECT_EQ(Davit({"export", "-o", tar, "web"}), "");
  std::string id = Davit({"import", "-m", "by a test", "-c", "CMD [\"/bin/cat\", \"/mark\"]", "-c",
                          "ENV A=b C=d", tar, "imported.test/web:v1"});
  EXPECT_THAT(id, StartsWith("sha256:"));
  EXPECT_EQ(Davit({"run", "--rm", "imported.test/web:v1"}), "exported\n");
  EXPECT_EQ(Davit({"run", "--rm", "imported.test/web:v1", "/bin/sh", "-c",
                   "echo $A$C; ls /etc/group 2>&1 | wc -l"}),
            "bd\n1\n");
  EXPECT_THAT(Davit({"image", "history", "imported.test/web:v1"}), HasSubstr("by a test"));
  CommandOutcome piped = Shell("davit export web | gzip -1 | davit import - imported.test/web:v2");
  EXPECT_EQ(piped.exit_code, 0) << piped.output;
  EXPECT_EQ(Davit({"run", "--rm", "imported.test/web:v2", "/bin/cat", "/mark"}), "exported\n");
  EXPECT_NE(TryDavit({"import", "-c", "RUN x", tar}).exit_code, 0);
  EXPECT_NE(TryDavit({"import", "/etc/passwd"}).exit_code, 0);
}

TEST_F(LocalCopy, ACommitIsPushedAndPulled) {
  RunIdle("web", {"-e", "MADE=here"});
  InContainer("web", "echo committed >/mark; rm /etc/group; rm -r /home; mkdir /home; echo x >/home/new");
  std::string registry = StartRegistry();
  std::string name = registry + "/davit/committed:v1";
  std::string id =
      Davit({"commit", "-a", "A. Author", "-m", "changed", "-c", "WORKDIR /home", "-c",
             "CMD [\"sh\", \"-c\", \"cat /mark; ls; echo $MADE; ls /etc/group 2>/dev/null | wc -l\"]", "web",
             name});
  EXPECT_THAT(id, StartsWith("sha256:"));
  const std::string expected = "committed\nnew\nhere\n0\n";
  EXPECT_EQ(Davit({"run", "--rm", name}), expected);
  EXPECT_THAT(Davit({"image", "history", name}), HasSubstr("changed"));
  EXPECT_THAT(Davit({"image", "inspect", name}), HasSubstr("A. Author"));

  Davit({"push", "-q", name});
  Davit({"rmi", name});
  Davit({"pull", "-q", name});
  EXPECT_EQ(Davit({"run", "--rm", name}), expected);
  // Of a stopped one, and of an image that was made here.
  Davit({"run", "--name", "second", name, "sh", "-c", "rm /mark; echo 2 >/second"});
  Davit({"wait", "second"});
  Davit({"commit", "second", "again.test/web"});
  EXPECT_EQ(Davit({"run", "--rm", "again.test/web", "sh", "-c",
                   "cat /second; ls /mark 2>/dev/null; cat /home/new"}),
            "2\nx\n");
}

// Nobody waits for a client, or for a container's filesystem.
TEST_F(LocalCopy, AStartEndsACopyOfAStoppedContainer) {
  Davit({"run", "--name", "web", kBusybox, "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=64"});
  Davit({"wait", "web"});
  CommandOutcome cut =
      Shell("davit cp web:/big - | { head -c 100000 >/dev/null; davit start web; cat >/dev/null; }");
  EXPECT_THAT(cut.output, HasSubstr("was started or removed before the end"));
  Davit({"wait", "web"});
  EXPECT_EQ(Davit({"cp", "-q", "web:/big", Here("big")}), "");
  CommandOutcome removed =
      Shell("davit cp web:/big - | { head -c 100000 >/dev/null; davit rm web; cat >/dev/null; }");
  EXPECT_THAT(removed.output, HasSubstr("was started or removed before the end"));
}

TEST_F(LocalCopy, AClientThatLeavesEndsItsProcess) {
  Davit({"run", "--name", "web", kBusybox, "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=64"});
  Davit({"wait", "web"});
  Shell("davit cp web:/big - | head -c 1000000 >/dev/null");
  WaitUntil("no process works on the files", [this] { return WorkersOf(instance().pid()) == 0; });
}

}  // namespace
}  // namespace davit::e2e
