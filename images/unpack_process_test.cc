// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "base/pid_fd.h"
#include "base/time.h"
#include "images/digest.h"
#include "images/layer_notes.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Unpacker : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: the unpacker makes namespaces";
    signal(SIGPIPE, SIG_IGN);  // as the daemon does
  }

  Result<UnpackReport> Unpack(const std::string& blob) {
    UnpackProcess process = TRY(UnpackProcess::Start(DAVIT_UNPACK_PROGRAM, dir_.fd(), interrupt_));
    auto written = process.Write(blob);
    if (!written && written.error().os_errno != EPIPE) return std::unexpected(written.error());
    UnpackReport report = TRY(process.Finish());
    notes_ = TRY(ReadNotes(process.TakeNotes().get()));
    return report;
  }

  bool stop_ = false;
  Interrupt interrupt_{[this] { return !stop_; }};
  ScratchDir dir_;
  LayerNotes notes_;  // of the last layer
};

TEST_F(Unpacker, FillsTheDirectoryAndReportsTheDiffId) {
  std::string tar = TarBuilder().Dir("etc").File("etc/name", "davit\n").Finish();
  for (const std::string& blob : {tar, Gzip(tar), Zstd(tar)}) {
    auto report = Unpack(blob);
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_EQ(report->diff_id, *Sha256Of(tar));
    EXPECT_EQ(report->entries, 2u);
    EXPECT_THAT(notes_.implicit_dirs, ElementsAre(""));
    EXPECT_EQ(*ReadFile(dir_ / "etc/name"), "davit\n");
  }
}

// More than fits into one part of the file.
TEST_F(Unpacker, NotesWhatNeedsTheLayersBelow) {
  TarBuilder tar;
  std::vector<std::string> dirs = {""};
  for (int i = 1000; i < 2000; ++i) {
    dirs.push_back("d" + std::to_string(i));
    tar.File(dirs.back() + "/f", "content").HardLink("l" + std::to_string(i), "below");
  }
  tar.Whiteout("d1500/", ".wh..opq");
  auto report = Unpack(tar.Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(notes_.implicit_dirs, dirs);
  EXPECT_THAT(notes_.opaque_dirs, ElementsAre("d1500"));
  ASSERT_THAT(notes_.pending_links, SizeIs(1000));
  EXPECT_EQ(notes_.pending_links.back(), (PendingLink{"l1999", "below"}));
  EXPECT_THAT(notes_.checksums, SizeIs(1000));
}

// The unpacker is not trusted.
TEST(LayerNotesTest, BadOnesAreRefused) {
  auto read = [](const std::string& text) {
    ScratchDir dir;
    std::ofstream(dir / "notes") << text;
    UniqueFd file(open((dir / "notes").c_str(), O_RDONLY | O_CLOEXEC));
    return ReadNotes(file.get());
  };
  auto part = [](const LayerNotes& notes) {
    std::string text = Encode(notes);
    return std::string{static_cast<char>(text.size()), static_cast<char>(text.size() >> 8), 0, 0} + text;
  };
  LayerNotes some;
  some.implicit_dirs = {"a"};
  EXPECT_TRUE(read(""));
  EXPECT_THAT(read(part(some) + part(some))->implicit_dirs, ElementsAre("a", "a"));
  EXPECT_FALSE(read(part(some).substr(0, 5))) << "cut off";
  EXPECT_FALSE(read("\xff\xff\xff\x7f")) << "a part of 2 GiB";
  LayerNotes long_path;
  long_path.implicit_dirs = {std::string(60'000, 'x')};
  std::string many;
  for (int i = 0; i < 300; ++i) many += part(long_path);
  auto too_many = read(many);
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, Code::kResourceExhausted);
}

TEST_F(Unpacker, TakesAnEmptyLayer) {
  auto report = Unpack("");
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->diff_id, *Sha256Of(""));
}

TEST_F(Unpacker, SaysWhatIsWrongWithALayer) {
  std::string tar = TarBuilder().File("f", std::string(10'000, 'x')).Finish();
  auto cut = Unpack(Gzip(tar).substr(0, 60));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::kDataLoss);
  auto hostile = Unpack(TarBuilder().File("../evil", "").Finish());
  ASSERT_FALSE(hostile);
  EXPECT_EQ(hostile.error().code, Code::kInvalidArgument);
  EXPECT_THAT(hostile.error().ToString(), HasSubstr("../evil"));
}

TEST_F(Unpacker, RefusesALayerThatExpandsBeyondReason) {
  auto bomb = Unpack(Zstd(TarBuilder().File("zeros", std::string(256 << 20, '\0')).Finish()));
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code, Code::kResourceExhausted);
  EXPECT_THAT(bomb.error().ToString(), HasSubstr("times as long as its blob"));
}

TEST_F(Unpacker, MakesDevicesAndWhiteouts) {
  TarMember device;
  device.name = "null";
  device.type = '3';
  device.major = 1;
  device.minor = 3;
  TarMember capable;
  capable.name = "ping";
  capable.pax = {{"SCHILY.xattr.security.capability",
                  std::string("\x01\x00\x00\x02\x00\x20\x00\x00", 8) + std::string(12, '\0')},
                 {"SCHILY.xattr.trusted.overlay.opaque", "y"}};
  auto report = Unpack(TarBuilder().Add(device).Add(capable).Whiteout("", "gone").Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  struct stat status;
  ASSERT_EQ(lstat((dir_ / "gone").c_str(), &status), 0);
  EXPECT_EQ(status.st_rdev, makedev(0, 0));
  EXPECT_EQ(report->dropped_xattrs, 1u);
}

std::string StatusField(const std::string& proc, const std::string& field) {
  std::ifstream status(proc + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return line.substr(line.find_first_not_of(" \t", field.size() + 1));
  }
  return "missing";
}

std::string Link(const std::string& path) {
  return std::filesystem::read_symlink(path).string();
}

// The process that unpacks: the child of the one that was started, in a PID namespace of its own.
pid_t WorkerOf(const UnpackProcess& process) {
  std::string pid = std::to_string(process.pid());
  int64_t patience = MonotonicMilliseconds() + 30'000;
  pid_t worker = 0;
  while (worker == 0 && MonotonicMilliseconds() < patience) {
    std::ifstream("/proc/" + pid + "/task/" + pid + "/children") >> worker;
    usleep(1000);
  }
  EXPECT_NE(worker, 0);
  return worker;
}

TEST_F(Unpacker, IsConfinedBeforeItReadsAnything) {
  auto process = UnpackProcess::Start(DAVIT_UNPACK_PROGRAM, dir_.fd(), interrupt_);
  ASSERT_TRUE(process) << process.error().ToString();
  // More than the pipe holds: when this returns, the process has begun to read.
  std::string tar = TarBuilder().File("big", std::string(8 << 20, 'x')).Finish();
  ASSERT_TRUE(process->Write(std::string_view(tar).substr(0, 4 << 20)));
  std::string proc = "/proc/" + std::to_string(WorkerOf(*process));

  // chown, dac_override, fowner, fsetid, mknod, setfcap; nothing more, and nothing to get more with.
  EXPECT_EQ(StatusField(proc, "CapEff"), "000000008800001b");
  EXPECT_EQ(StatusField(proc, "CapPrm"), "000000008800001b");
  EXPECT_EQ(StatusField(proc, "CapBnd"), "0000000000000000");
  EXPECT_EQ(StatusField(proc, "CapInh"), "0000000000000000");
  EXPECT_EQ(StatusField(proc, "CapAmb"), "0000000000000000");
  EXPECT_EQ(StatusField(proc, "NoNewPrivs"), "1");
#ifndef DAVIT_SANITIZED
  EXPECT_EQ(StatusField(proc, "Seccomp"), "2");
#endif
  for (const char* ns : {"pid", "mnt", "net", "ipc", "uts", "cgroup"}) {
    EXPECT_NE(Link(proc + "/ns/" + ns), Link(std::string("/proc/self/ns/") + ns)) << ns;
  }
  // One mount: the layer.
  std::ifstream mountinfo(proc + "/mountinfo");
  std::string mount;
  std::string another;
  std::getline(mountinfo, mount);
  EXPECT_THAT(mount, HasSubstr(dir_.path() + " / "));
  EXPECT_THAT(mount, HasSubstr("nosuid,nodev,noexec"));
  EXPECT_FALSE(std::getline(mountinfo, another)) << another;
  // Nothing but the pipes and descriptors of the layer itself.
  struct stat layer;
  ASSERT_EQ(stat(dir_.path().c_str(), &layer), 0);
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
    struct stat status;
    ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
    bool inside =
        status.st_dev == layer.st_dev && Link(entry.path()).starts_with("/") && !S_ISDIR(status.st_mode);
    bool root = status.st_ino == layer.st_ino && status.st_dev == layer.st_dev;
    bool null = S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
    EXPECT_TRUE(S_ISFIFO(status.st_mode) || inside || root || null) << Link(entry.path());
  }
  EXPECT_TRUE(process->Write(std::string_view(tar).substr(4 << 20)));
  EXPECT_TRUE(process->Finish());
}

TEST_F(Unpacker, IsKilledWhenItIsDropped) {
  pid_t pid = 0;
  PidFd worker;
  {
    auto process = UnpackProcess::Start(DAVIT_UNPACK_PROGRAM, dir_.fd(), interrupt_);
    ASSERT_TRUE(process);
    ASSERT_TRUE(process->Write(std::string(4 << 20, '\0')));  // it reads: it is confined
    pid = process->pid();
    worker = *PidFd::Open(WorkerOf(*process));
  }
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_TRUE(*worker.WaitExit(/*timeout_ms=*/30'000));
}

TEST_F(Unpacker, AWaitForItEndsWhenThePullIsCancelled) {
  auto process = UnpackProcess::Start(DAVIT_UNPACK_PROGRAM, dir_.fd(), interrupt_);
  ASSERT_TRUE(process);
  ASSERT_TRUE(process->Write(std::string(4 << 20, '\0')));  // it reads, and so ends with its parent
  kill(WorkerOf(*process), SIGSTOP);
  stop_ = true;
  EXPECT_EQ(process->Write(std::string(8 << 20, '\0')).error().code, Code::kCancelled);
}

TEST_F(Unpacker, ADeathWithoutAReportIsAnError) {
  auto process = UnpackProcess::Start(DAVIT_UNPACK_PROGRAM, dir_.fd(), interrupt_);
  ASSERT_TRUE(process);
  ASSERT_TRUE(process->Write(std::string(4 << 20, '\0')));  // it reads, and so ends with its parent
  kill(process->pid(), SIGKILL);
  auto report = process->Finish();
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().ToString(), HasSubstr("signal 9"));
  auto of_worker = UnpackProcess::Start(DAVIT_UNPACK_PROGRAM, dir_.fd(), interrupt_);
  ASSERT_TRUE(of_worker);
  kill(WorkerOf(*of_worker), SIGKILL);
  report = of_worker->Finish();
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().ToString(), HasSubstr("signal 9"));
}

// A program in place of the unpacker that does `script`, started with hardly any patience.
class StuckUnpacker : public Unpacker {
 protected:
  Result<UnpackProcess> Start(const std::string& script) {
    std::ofstream(program_) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(program_, std::filesystem::perms::owner_all);
    return UnpackProcess::Start(program_, dir_.fd(), interrupt_, {.progress_ms = 50, .exit_ms = 50});
  }

  ScratchDir scratch_;
  std::string program_ = scratch_ / "program";
};

TEST_F(StuckUnpacker, ThatEndsItsReportButNotItselfIsGivenUp) {
  auto process = Start("exec 4>&-; exec sleep 1000");
  ASSERT_TRUE(process) << process.error().ToString();
  auto report = process->Finish();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kUnavailable);
  EXPECT_THAT(report.error().ToString(), HasSubstr("ended its report but not itself"));
}

TEST_F(StuckUnpacker, ThatNeverReportsIsGivenUp) {
  auto process = Start("exec sleep 1000");
  ASSERT_TRUE(process) << process.error().ToString();
  auto report = process->Finish();
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().ToString(), HasSubstr("has sent no report"));
}

TEST_F(StuckUnpacker, ThatTakesNoInputIsGivenUp) {
  auto process = Start("exec sleep 1000");
  ASSERT_TRUE(process) << process.error().ToString();
  auto written = process->Write(std::string(8 << 20, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kUnavailable);
  EXPECT_THAT(written.error().ToString(), HasSubstr("has taken no input"));
}

TEST_F(StuckUnpacker, AWaitForItsEndEndsWhenThePullIsCancelled) {
  auto process = Start("exec 4>&-; exec sleep 1000");
  ASSERT_TRUE(process) << process.error().ToString();
  stop_ = true;
  EXPECT_EQ(process->Finish().error().code, Code::kCancelled);
}

TEST_F(Unpacker, AMissingProgramIsAnError) {
  auto process = UnpackProcess::Start("/does/not/exist", dir_.fd(), interrupt_);
  ASSERT_FALSE(process);
  EXPECT_THAT(process.error().ToString(), HasSubstr("/does/not/exist"));
}

}  // namespace
}  // namespace davit::images
