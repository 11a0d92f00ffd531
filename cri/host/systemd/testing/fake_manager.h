// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// systemd's manager as a peer on a socket, without units; with or without a bus daemon in between.
#pragma once

#include <systemd/sd-bus.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace davit::cri {

// Serves connections on its own thread.
class FakeManager {
 public:
  enum class Reply {
    kDone,        // the answer, and the end of the job if the method starts one
    kUnitExists,  // errors of systemd's
    kNoSuchUnit,
    kInvalidArgs,
    kServiceUnknown,  // as a bus daemon says it
    kJobFails,
    kNoJobEnd,  // the answer only; EndJobs ends the job
    kSilence,
    kHangUp,  // closes the connection
  };

  // With `is_bus`, the socket is that of a bus daemon on which systemd is a client.
  explicit FakeManager(std::string version = "252.39-1~deb12u2", bool is_bus = false);
  ~FakeManager();
  FakeManager(const FakeManager&) = delete;
  FakeManager& operator=(const FakeManager&) = delete;

  // "unix:path=..."
  std::string address() const { return "unix:path=" + path_; }

  // The next calls of the method get these replies; later ones kDone.
  void Plan(const std::string& method, std::deque<Reply> replies) EXCLUDES(mutex_);
  // Ends the jobs of kNoJobEnd.
  void EndJobs();
  // The same, as a signal of another client of the bus.
  void PretendThatJobsEnd();
  // With a bus: systemd connects to it anew, as after `systemctl daemon-reexec`, and has another name there;
  // connects to it, which it was not before.
  void Reexecute() { ChangeOwner(/*was_there=*/true); }
  void Appear() { ChangeOwner(/*was_there=*/false); }
  // Closes all connections, and does not listen until Listen is called.
  void Shut();
  void Listen();

  // One text per call, arguments included: `StopUnit "a.scope" "replace"`.
  std::vector<std::string> calls() const EXCLUDES(mutex_);
  int connections() const EXCLUDES(mutex_);

 private:
  struct BusUnref {
    void operator()(sd_bus* bus) const {
      sd_bus_flush(bus);
      sd_bus_close(bus);
      sd_bus_unref(bus);
    }
  };
  using Bus = std::unique_ptr<sd_bus, BusUnref>;
  struct Job {
    sd_bus* bus;
    std::string path;
    std::string unit;
  };

  void ChangeOwner(bool was_there);
  void Loop();
  void Accept();
  void Serve();
  int Handle(sd_bus_message* call);
  // As the bus daemon; 0 if the message is not for that.
  int HandleAsBus(sd_bus_message* call);
  template <typename... Values>
  void Respond(sd_bus_message* call, const char* types, Values... values);
  void Answer(sd_bus_message* call, Reply reply);
  void AnswerJob(sd_bus_message* call, Reply reply);
  void SendJobRemoved(const Job& job, const char* result, const std::string& sender);
  Reply Next(const std::string& method, std::string call) EXCLUDES(mutex_);
  // Runs `work` on the thread.
  template <typename Work>
  void Do(Work work);

  const std::string version_;
  const bool is_bus_;
  std::string directory_;
  std::string path_;
  UniqueFd wake_;
  // The thread's.
  UniqueFd listener_;
  std::vector<Bus> buses_;
  std::vector<Job> open_jobs_;
  sd_bus* hung_up_ = nullptr;
  int next_job_ = 1;
  std::string name_ = ":1.0";  // systemd's on the bus

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, std::deque<Reply>> plans_ GUARDED_BY(mutex_);
  std::vector<std::string> calls_ GUARDED_BY(mutex_);
  std::function<void()> work_ GUARDED_BY(mutex_);
  int connections_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit::cri
