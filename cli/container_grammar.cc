// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/container_grammar.h"

#include <optional>
#include <vector>

#include "cli/health_grammar.h"
#include "cli/list_option.h"

namespace davit::cli {
namespace {

constexpr char kNames[] = "Containers: names, ids, or beginnings of ids";
constexpr char kName[] = "Container: name, id, or beginning of an id";
constexpr int64_t kMostGraceSeconds = 1'000'000;

struct MissingFlag {
  const char* names;
  const char* instead;  // why, or what to use; may be empty
};

constexpr char kNoNames[] = "containers of a network from davit network create know each other's names";
constexpr char kNoAddress[] = "it follows from the container's address";
constexpr char kNoLogOptions[] =
    "each container has log files, which davit logs reads; --log-opt limits them";
constexpr char kOnlyTheseLimits[] =
    "the limits are --memory, --memory-swap, --cpus, --cpu-shares, --cpuset-cpus and --pids-limit";
constexpr MissingFlag kMissingOfRun[] = {
    {"-a,--attach", "in the foreground both outputs are printed, with -d none"},
    {"--add-host", "mount a file with -v FILE:/etc/hosts:ro"},
    {"--annotation", "use --label"},
    {"--cgroup-parent", "the daemon chooses the cgroup"},
    {"--cgroupns", "each container has its own cgroup namespace"},
    {"--blkio-weight", kOnlyTheseLimits},
    {"--cpu-period", kOnlyTheseLimits},
    {"--cpu-quota", kOnlyTheseLimits},
    {"--cpuset-mems", kOnlyTheseLimits},
    {"--memory-reservation", kOnlyTheseLimits},
    {"--memory-swappiness", kOnlyTheseLimits},
    {"--kernel-memory", kOnlyTheseLimits},
    {"--device-cgroup-rule", "name each device with --device"},
    {"--device-read-bps", kOnlyTheseLimits},
    {"--device-write-bps", kOnlyTheseLimits},
    {"--domainname", "use --hostname"},
    {"--gpus", "use --device vendor.com/class=name, the name of the device in CDI"},
    {"--init", "the program is the container's PID 1 and has to reap its children itself"},
    {"--mac-address", kNoAddress},
    {"--link", kNoNames},
    {"--log-driver", kNoLogOptions},
    {"--oom-kill-disable", "the kernel kills what exceeds --memory"},
    {"--oom-score-adj", ""},
    {"--platform", "the image for the host's platform is used"},
    {"--runtime", "Davit starts containers itself"},
    {"--storage-opt", ""},
    {"--userns", "containers are in the host's user namespace"},
    {"--uts", "each container has its own host name; see --hostname"},
    {"--volume-driver", "all volumes have the driver local"},
};

CLI::Option* AddText(CLI::App& verb, const std::string& names, std::string& text, const std::string& help,
                     const std::string& form) {
  return verb.add_option(names, text, help)->type_name(form);
}

void AddGrace(CLI::App& verb, std::optional<int64_t>& seconds) {
  verb.add_option("-t,--time,--timeout", seconds, "Seconds until SIGKILL (default: --stop-timeout, or 10)")
      ->type_name("SECONDS")
      ->check(CLI::Range(int64_t{0}, kMostGraceSeconds).description(""));
}

void AddTerminal(CLI::App& verb, bool& interactive, bool& tty) {
  verb.add_flag("-i,--interactive", interactive, "Pass standard input on");
  verb.add_flag("-t,--tty", tty, "Run it at a terminal");
}

void AddDetachKeys(CLI::App& verb, std::string& keys) {
  AddText(verb, "--detach-keys", keys, "Keys that leave it running (default " + keys + ")", "KEY[,KEY...]");
}

// The first word after the options and what follows it, untouched: "IMAGE CMD -x".
std::vector<std::string> Words(const CLI::App& verb, const std::string& first) {
  std::vector<std::string> words = verb.remaining();
  if (words.empty()) throw CLI::RequiredError(first);
  if (words.front().starts_with('-')) throw CLI::ExtrasError({words.front()});
  return words;
}

}  // namespace

void ContainerGrammar::AddTo(const AddVerb& add) {
  AddRun(add);
  AddLooks(add);
  AddSessions(add);
  AddChanges(add);
}

void ContainerGrammar::AddRun(const AddVerb& add) {
  CLI::App& run = *add("run", "Create a container from an image and start it", [this] { return run_; });
  run.add_flag("-d,--detach", run_.detach, "Print the container's id and leave");
  AddDetachKeys(run, run_.detach_keys);
  run.add_flag("--sig-proxy,!--no-sig-proxy", run_.sig_proxy,
               "With -i or -t: pass signals on (default true)");
  AddRunFlags(run);
  run.footer(
      "After the options: IMAGE [ARGUMENT...]. The arguments replace the image's own.\n"
      "Example: davit run -d --name web -p 8080:80 -v /srv/www:/usr/share/nginx/html:ro nginx\n"
      "Exit status: that of the program; 125 if davit fails, 126 if the program cannot be executed,\n"
      "127 if it is not found.");
  CLI::App& create =
      *add("create", "Create a container from an image", [this] { return CreateOptions{run_}; });
  AddRunFlags(create);
  with_image_.insert({&run, &create});
  create.footer("After the options: IMAGE [ARGUMENT...]. The arguments replace the image's own.");
}

void ContainerGrammar::AddRunFlags(CLI::App& verb) {
  verb.set_help_flag("--help", "Print this help message and exit");  // -h is Docker's --hostname
  verb.prefix_command();
  AddText(verb, "--name", run_.name, "Name of the container", "NAME");
  verb.add_flag("--rm", run_.remove, "Remove the container when it has ended");
  AddList(verb, "-p,--publish", run_.ports,
          "Lead a port of the host into the container (default: a free one)",
          "[[ADDRESS:][HOST[-LAST]]:]CONTAINER[-LAST][/udp]");
  verb.add_flag("-P,--publish-all", run_.publish_all,
                "Lead free ports of the host to all ports that the image or --expose names");
  AddList(verb, "--expose", run_.exposed, "A port for --publish-all", "PORT[-LAST][/udp]");
  AddList(verb, "-e,--env", run_.env, "Set a variable of the environment", "NAME[=VALUE]");
  AddList(verb, "--env-file", run_.env_files, "Set the variables that are in a file", "FILE");
  AddList(verb, "-v,--volume", run_.volumes, "Show a path of the host or a volume in the container",
          "[HOST_PATH|VOLUME:]CONTAINER_PATH[:ro]");
  AddList(verb, "--mount", run_.mounts, "The same in words",
          "type=bind|volume|tmpfs,source=HOST_PATH|VOLUME,target=CONTAINER_PATH[,readonly][,...]");
  AddList(verb, "--volumes-from", run_.volumes_from, "Mount what another container mounts", "CONTAINER[:ro]");
  AddList(verb, "--tmpfs", run_.tmpfs, "A directory in memory", "CONTAINER_PATH[:size=64m,mode=1777,...]");
  AddText(verb, "-w,--workdir", run_.working_dir, "Working directory in the container", "PATH");
  AddText(verb, "-u,--user", run_.user, "User in the container", "NAME|UID[:NAME|GID]");
  AddText(verb, "--entrypoint", run_.entrypoint, "Program, instead of the image's", "PROGRAM");
  AddText(verb, "-h,--hostname", run_.hostname, "Host name in the container", "NAME");
  AddList(verb, "-l,--label", run_.labels, "Set a label", "KEY[=VALUE]");
  AddList(verb, "--label-file", run_.label_files, "Attach the labels that are in a file", "FILE");
  AddText(verb, "--restart", run_.restart, "When to start it again (default no)",
          "no|on-failure[:RETRIES]|always|unless-stopped");
  AddList(verb, "--log-opt", run_.log_opts, "Limit of its log (default max-size=20m, max-file=5)",
          "max-size=NUMBER[b|k|m|g]|max-file=NUMBER");
  AddText(verb, "--pull", run_.pull, "When to pull the image (default missing)", "always|missing|never");
  verb.add_flag("-q,--quiet", run_.quiet, "Print no progress of a pull");
  AddIsolation(verb);
  AddTerminal(verb, run_.interactive, run_.tty);
  AddText(verb, "--stop-signal", run_.stop_signal, "What asks it to end (default: the image's, or TERM)",
          "SIGNAL");
  verb.add_option("--stop-timeout", run_.stop_timeout, "Seconds between that and SIGKILL (default 10)")
      ->type_name("SECONDS")
      ->check(CLI::Range(int64_t{0}, kMostGraceSeconds).description(""));
  AddHealthFlags(verb, run_.health);
  AddText(verb, "--cidfile", run_.id_file, "Write the container's id to a new file", "FILE");
  for (const MissingFlag& flag : kMissingOfRun) Refuse(verb, flag.names, flag.instead);
}

void ContainerGrammar::AddIsolation(CLI::App& verb) {
  AddText(verb, "-m,--memory", run_.memory, "Limit of memory", "NUMBER[b|k|m|g]");
  AddText(verb, "--cpus", run_.cpus, "Limit of CPUs, such as 1.5", "NUMBER");
  verb.add_option("-c,--cpu-shares", run_.cpu_shares, "Share of CPU time, relative to 1024")
      ->type_name("NUMBER");
  verb.add_option("--pids-limit", run_.pids_limit, "Limit of processes (-1: none)")->type_name("NUMBER");
  AddList(verb, "--cap-add", run_.cap_add, "Give it a Linux capability", "NAME");
  AddList(verb, "--cap-drop", run_.cap_drop, "Take a Linux capability from it", "NAME");
  verb.add_flag("--privileged", run_.privileged, "Give it all capabilities and devices, without confinement");
  verb.add_flag("--read-only", run_.read_only, "Its root filesystem cannot be written");
  AddText(verb, "--network,--net", run_.network, "Network (default bridge)", "bridge|host|none|NETWORK");
  AddList(verb, "--network-alias,--net-alias", run_.network_aliases, "A further name in its network", "NAME");
  AddText(verb, "--ip", run_.ip, "Its IPv4 address in its network", "ADDRESS");
  AddText(verb, "--ip6", run_.ip6, "Its IPv6 address in its network", "ADDRESS");
  AddList(verb, "--dns", run_.dns, "A DNS server, instead of the host's", "ADDRESS");
  AddList(verb, "--dns-search", run_.dns_searches, "A domain to look names up in", "DOMAIN");
  AddList(verb, "--dns-option,--dns-opt", run_.dns_options, "An option of resolv.conf", "OPTION");
  AddText(verb, "--memory-swap", run_.memory_swap, "Limit of memory and swap together (-1: none)",
          "NUMBER[b|k|m|g]");
  AddText(verb, "--cpuset-cpus", run_.cpuset_cpus, "The CPUs that it may use", "0-3,7");
  AddList(verb, "--group-add", run_.groups, "A further group of its user", "NAME|GID");
  AddList(verb, "--ulimit", run_.ulimits, "Limit of a resource, instead of the daemon's", "NAME=SOFT[:HARD]");
  AddText(verb, "--shm-size", run_.shm_size, "Size of /dev/shm (default 64m)", "NUMBER[b|k|m|g]");
  AddList(verb, "--sysctl", run_.sysctls, "Set a kernel parameter of its namespaces", "NAME=VALUE");
  AddList(verb, "--device", run_.devices, "Give it a device of the host, or one that CDI describes",
          "HOST_PATH[:CONTAINER_PATH][:rwm]|vendor.com/class=name");
  AddList(verb, "--security-opt", run_.security, "Change its confinement",
          "no-new-privileges|seccomp=...|apparmor=...");
  AddText(verb, "--pid", run_.pid, "PID namespace (default private)", "private|host");
  AddText(verb, "--ipc", run_.ipc, "IPC namespace (default private)", "private|host");
}

void ContainerGrammar::AddLooks(const AddVerb& add) {
  CLI::App& ps = *add("ps", "List containers", [this] { return ps_; });
  ps.alias("ls");
  ps.add_flag("-a,--all", ps_.all, "Also those that do not run");
  ps.add_flag("-A,--kubelet", ps_.kubelets, "Also containers of the kubelet and of crictl");
  ps.add_flag("-q,--quiet", ps_.quiet, "Print only ids");
  ps.add_flag("--no-trunc", ps_.no_trunc, "Do not shorten ids and commands");
  AddFormat(ps, "--format", ps_.format, "Print by a template, such as \"{{.ID}} {{.Names}}\"");
  AddList(ps, "-f,--filter", ps_.filters, "Only those with a property, such as status=exited or label=KEY",
          "KEY=VALUE");
  ps.add_option("-n,--last", ps_.last, "Only the newest, whether they run or not")->type_name("NUMBER");
  ps.add_flag_callback(
      "-l,--latest", [this] { ps_.last = 1; }, "Only the newest one, whether it runs or not");
  ps.add_flag("-s,--size", ps_.sizes, "Also print how much they have written");
  ps.footer(
      "Filters: ancestor, before, exited, expose, health, id, label, name, network, publish, since, status, "
      "volume.\n"
      "Example: davit ps -a -f status=exited -f name=^web --format \"table {{.Names}}\\t{{.Status}}\"");

  CLI::App& port =
      *add("port", "List the ports of the host that lead into a container", [this] { return port_; });
  port.add_option("CONTAINER", port_.id, kName)->required();
  port.add_option("PORT", port_.port, "Only this one of the container: PORT[/tcp|/udp|/sctp]");

  CLI::App& logs = *add("logs", "Print what a container has written", [this] { return logs_; });
  logs.add_flag("-f,--follow", logs_.follow, "Go on until the container ends");
  logs.add_flag("-t,--timestamps", logs_.timestamps, "Print the time of each line");
  AddText(logs, "-n,--tail", logs_.tail, "Only so many lines of the end (default all)", "NUMBER");
  AddText(logs, "--since", logs_.since, "Only lines from this time on", "TIME|10m");
  AddText(logs, "--until", logs_.until, "Only lines up to this time", "TIME|10m");
  Refuse(logs, "--details", "no log has further attributes; davit inspect shows labels and variables");
  logs.add_option("CONTAINER", logs_.id, kName)->required();

  CLI::App& inspect = *add("inspect", "Print all about containers, images, networks or volumes as JSON",
                           [this] { return inspect_; });
  AddFormat(inspect, "-f,--format", inspect_.format, "Print by a template, such as \"{{.State.Status}}\"");
  AddText(inspect, "--type", inspect_.type, "What the names are (default: the first that is found)",
          "container|image|network|volume")
      ->check(CLI::IsMember({"container", "image", "network", "volume"}).description(""));
  Refuse(inspect, "-s,--size", "davit ps -s prints what containers have written");
  inspect.add_option("NAME", inspect_.ids, "Names, ids, or beginnings of ids")->required();

  CLI::App& top = *add("top", "List the processes of a container", [this] { return top_; });
  top.add_option("CONTAINER", top_.id, kName)->required();
  top.allow_extras();
  with_ps_options_.insert(&top);

  CLI::App& stats =
      *add("stats", "Print the use of CPU, memory and network, every second", [this] { return stats_; });
  stats.add_flag("--no-stream", stats_.once, "Print one table");
  stats.add_flag("-A,--kubelet", stats_.kubelets, "Also containers of the kubelet and of crictl");
  stats.add_flag("--no-trunc", stats_.no_trunc, "Do not shorten ids");
  AddFormat(stats, "--format", stats_.format, "Print by a template, such as \"{{.Name}} {{.MemUsage}}\"");
  Refuse(stats, "-a,--all", "those that do not run use nothing");
  stats.add_option("CONTAINER", stats_.ids, kNames);

  CLI::App& wait =
      *add("wait", "Wait until containers have ended, and print their exit codes", [this] { return wait_; });
  wait.add_option("CONTAINER", wait_.ids, kNames)->required();
}

void ContainerGrammar::AddSessions(const AddVerb& add) {
  CLI::App& exec =
      *add("exec", "Run a command in a container and print its output", [this] { return exec_; });
  with_command_.insert(&exec);
  exec.footer(
      "After the options: CONTAINER COMMAND [ARGUMENT...]. The command is looked up inside; there is no "
      "shell.\n"
      "Example: davit exec -it web sh\n"
      "Exit status: that of the command; 126 if it cannot be executed, 127 if it is not found.");
  exec.prefix_command();
  AddTerminal(exec, exec_.interactive, exec_.tty);
  AddDetachKeys(exec, exec_.detach_keys);
  exec.add_flag("-d,--detach", exec_.detach, "Leave when it has started; its output is dropped");
  AddList(exec, "-e,--env", exec_.env, "Set a variable of its environment", "NAME[=VALUE]");
  AddList(exec, "--env-file", exec_.env_files, "Set the variables that are in a file", "FILE");
  AddText(exec, "-w,--workdir", exec_.working_dir, "Working directory (default: the container's)", "PATH");
  AddText(exec, "-u,--user", exec_.user, "User (default: the container's)", "NAME|UID[:NAME|GID]");
  Refuse(exec, "--privileged");

  CLI::App& attach =
      *add("attach", "Show what a container writes, and type into it", [this] { return attach_; });
  attach.footer(
      "Exit status: that of the container, 0 after the keys that detach.\n"
      "davit logs prints what it has written before.");
  attach.add_flag("--no-stdin", attach_.no_stdin, "Do not pass standard input on");
  attach.add_flag("--sig-proxy,!--no-sig-proxy", attach_.sig_proxy, "Pass signals on (default true)");
  AddDetachKeys(attach, attach_.detach_keys);
  attach.add_option("CONTAINER", attach_.id, kName)->required();
}

void ContainerGrammar::AddChanges(const AddVerb& add) {
  CLI::App& start = *add("start", "Start containers", [this] { return start_; });
  start.add_flag("-a,--attach", start_.attach, "Print the output of one container until it ends");
  start.add_flag("-i,--interactive", start_.interactive, "The same, and pass standard input on");
  AddDetachKeys(start, start_.detach_keys);
  start.footer("Exit status: with -a or -i that of the container, 0 after the keys that detach.");
  start.add_option("CONTAINER", start_.ids, kNames)->required();

  CLI::App& stop = *add("stop", "Stop containers", [this] { return stop_; });
  AddGrace(stop, stop_.grace_seconds);
  Refuse(stop, "-s,--signal");
  stop.add_option("CONTAINER", stop_.ids, kNames)->required();

  CLI::App& restart = *add("restart", "Stop containers and start them again", [this] { return restart_; });
  AddGrace(restart, restart_.grace_seconds);
  Refuse(restart, "-s,--signal");
  restart.add_option("CONTAINER", restart_.ids, kNames)->required();

  CLI::App& kill = *add("kill", "Send a signal to containers", [this] { return kill_; });
  AddText(kill, "-s,--signal", kill_.signal, "The signal (default KILL)", "SIGNAL");
  kill.add_option("CONTAINER", kill_.ids, kNames)->required();

  CLI::App& pause = *add("pause", "Freeze all processes of containers", [this] { return pause_; });
  pause.add_option("CONTAINER", pause_.ids, kNames)->required();

  CLI::App& unpause = *add("unpause", "Let paused containers go on", [this] { return unpause_; });
  unpause.add_option("CONTAINER", unpause_.ids, kNames)->required();

  CLI::App& rename = *add("rename", "Give a container another name", [this] { return rename_; });
  rename.add_option("CONTAINER", rename_.id, kName)->required();
  rename.add_option("NAME", rename_.name, "The new name")->required();

  CLI::App& rm = *add("rm", "Remove containers with their files and logs", [this] { return rm_; });
  rm.add_flag("-f,--force", rm_.force, "Kill those that run");
  rm.add_flag("-v,--volumes", rm_.volumes, "Also remove their anonymous volumes");
  Refuse(rm, "-l,--link");
  rm.add_option("CONTAINER", rm_.ids, kNames)->required();
}

void ContainerGrammar::TakeWords(const CLI::App& verb) {
  if (with_image_.contains(&verb)) {
    std::vector<std::string> words = Words(verb, "IMAGE");
    run_.image = words.front();
    run_.command.assign(words.begin() + 1, words.end());
    run_.has_entrypoint = verb.get_option("--entrypoint")->count() > 0;
  } else if (with_command_.contains(&verb)) {
    std::vector<std::string> words = Words(verb, "CONTAINER");
    if (words.size() < 2) throw CLI::RequiredError("COMMAND");
    exec_.id = words.front();
    exec_.command.assign(words.begin() + 1, words.end());
  } else if (with_ps_options_.contains(&verb) && verb.remaining_size() > 0) {
    throw CLI::ValidationError(
        verb.remaining().front(),
        "options of ps are not supported; the columns are those of ps -ef, and ps itself "
        "runs with davit exec CONTAINER ps");
  }
}

}  // namespace davit::cli
