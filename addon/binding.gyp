{
  "variables": {
    "openzfs%": "no",
    "codec_sources": [
      "src/codec/attributes.cc",
      "src/codec/codec_binding.cc",
      "src/codec/decompress.cc",
      "src/codec/fletcher4.cc",
      "src/codec/record_header.cc"
    ],
    "tree_sources": ["src/unix/tree.cc", "src/unix/tree_binding.cc", "src/unix/tree_layer.cc"],
    "zfs_sources": [
      "src/illumos/zfs_binding.cc",
      "src/illumos/zfs_changes.cc",
      "src/illumos/zfs_datasets.cc",
      "src/illumos/zfs_library.cc",
      "src/illumos/zfs_pools.cc",
      "src/illumos/zfs_resume.cc",
      "src/illumos/zfs_session.cc",
      "src/illumos/zfs_streams.cc",
      "src/illumos/zfs_values.cc"
    ]
  },
  "target_defaults": {
    "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")", "src"],
    "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_CPP_EXCEPTIONS_ALL"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17"],
    # GCC 12 sees overlapping copies in std::string where there are none (its bug 105651).
    "cflags_cc": ["-std=c++20", "-fexceptions", "-Wall", "-Wextra", "-Werror", "-Wno-restrict"],
    "conditions": [["OS=='solaris'", {"defines": ["_REENTRANT", "__EXTENSIONS__", "_LARGEFILE64_SOURCE=1"]}]]
  },
  "targets": [
    {
      # Linked into every addon.
      "target_name": "boundary",
      "type": "static_library",
      "cflags": ["-fPIC"],
      "sources": [
        "src/boundary/arguments.cc",
        "src/boundary/error.cc",
        "src/boundary/results.cc",
        "src/core/native_error.cc"
      ]
    },
    {
      "target_name": "rootfs",
      "dependencies": ["boundary"],
      "sources": ["src/unix/rootfs.cc", "src/unix/rootfs_binding.cc"]
    }
  ],
  "conditions": [
    [
      "OS=='linux'",
      {
        "targets": [
          {
            "target_name": "posix",
            "dependencies": ["boundary"],
            "sources": [
              "src/linux/child_program.cc",
              "src/linux/posix.cc",
              "src/linux/posix_binding.cc",
              "src/linux/program_run.cc",
              "src/unix/file_lock.cc",
              "src/unix/file_lock_binding.cc"
            ]
          },
          {
            "target_name": "codec",
            "dependencies": ["boundary"],
            "sources": ["<@(codec_sources)"],
            # Code for AVX2 is called only where the processor has it.
            "cflags_cc": ["-O3", "-Wno-psabi"],
            "libraries": ["-llz4", "-lzstd"]
          },
          {
            "target_name": "isal",
            "dependencies": ["boundary"],
            "sources": ["src/codec/isal_binding.cc"],
            "libraries": ["-lisal"]
          },
          {
            "target_name": "tree",
            "dependencies": ["boundary"],
            "sources": ["<@(tree_sources)", "src/linux/tree_system.cc"]
          },
          {
            "target_name": "snapshot",
            "dependencies": ["boundary"],
            "sources": ["src/linux/snapshot.cc", "src/linux/snapshot_binding.cc"]
          },
          {
            "target_name": "btrfs",
            "dependencies": ["boundary"],
            "sources": [
              "src/linux/btrfs_calls.cc",
              "src/linux/qgroups.cc",
              "src/linux/subvolume_lists.cc",
              "src/linux/subvolumes.cc",
              "src/linux/subvolumes_binding.cc"
            ],
            "libraries": ["-lbtrfsutil"]
          },
          {
            "target_name": "netlink",
            "dependencies": ["boundary"],
            "sources": [
              "src/linux/addresses.cc",
              "src/linux/links.cc",
              "src/linux/links_binding.cc",
              "src/linux/routes.cc",
              "src/linux/route_socket.cc"
            ],
            "libraries": ["-lmnl"]
          },
          {
            "target_name": "lxc",
            "dependencies": ["boundary"],
            "sources": [
              "src/linux/ipc_settings.cc",
              "src/linux/lxc.cc",
              "src/linux/lxc_binding.cc",
              "src/linux/zone_snapshots.cc",
              "src/unix/rootfs.cc"
            ],
            "libraries": ["-llxc"]
          },
          {
            # Programs, for what liblxc does by forking its caller.
            "target_name": "zone-start",
            "type": "executable",
            "product_extension": "",
            "sources": [
              "src/core/native_error.cc",
              "src/linux/background.cc",
              "src/linux/emulator.cc",
              "src/linux/ipc_settings.cc",
              "src/linux/routes.cc",
              "src/linux/route_socket.cc",
              "src/linux/zone_routes.cc",
              "src/linux/zone_snapshots.cc",
              "src/linux/zone_sources.cc",
              "src/linux/zone_start.cc",
              "src/unix/rootfs.cc"
            ],
            "libraries": ["-llxc", "-lmnl"]
          },
          {
            "target_name": "zone-exec",
            "type": "executable",
            "product_extension": "",
            "sources": ["src/core/native_error.cc", "src/linux/exec_streams.cc", "src/linux/zone_exec.cc"],
            "libraries": ["-llxc"]
          },
          {
            # Runs where there are no libraries but those of another program.
            "target_name": "zone-emulator",
            "type": "executable",
            "product_extension": "",
            "sources": ["src/linux/zone_emulator.cc"],
            "ldflags": ["-static"]
          },
          {
            # Runs code of a guest, so that what that does ends with the program.
            "target_name": "kvm-probe",
            "type": "executable",
            "product_extension": "",
            "sources": ["src/linux/kvm_probe.cc"]
          },
          {
            # Runs beside a zone, with nothing of Node in it.
            "target_name": "zone-display",
            "type": "executable",
            "product_extension": "",
            "sources": ["src/core/native_error.cc", "src/linux/background.cc", "src/linux/zone_display.cc"]
          },
          {
            # Runs beside a zone, with nothing of Node in it.
            "target_name": "zone-lease",
            "type": "executable",
            "product_extension": "",
            "sources": [
              "src/core/native_error.cc",
              "src/linux/addresses.cc",
              "src/linux/background.cc",
              "src/linux/child_program.cc",
              "src/linux/dhcp_replies.cc",
              "src/linux/leases.cc",
              "src/linux/routes.cc",
              "src/linux/route_socket.cc",
              "src/linux/zone_lease.cc",
              "src/linux/zone_routes.cc"
            ],
            "libraries": ["-lmnl"]
          }
        ]
      }
    ],
    [
      "OS=='solaris'",
      {
        "targets": [
          {
            "target_name": "posix",
            "dependencies": ["boundary"],
            "sources": [
              "src/illumos/posix_binding.cc",
              "src/unix/file_lock.cc",
              "src/unix/file_lock_binding.cc"
            ]
          },
          {
            "target_name": "codec",
            "dependencies": ["boundary"],
            # Headers of libraries that the platform lacks.
            "include_dirs": ["src/illumos/codec"],
            "cflags_cc": ["-O3", "-Wno-psabi"],
            "sources": ["<@(codec_sources)", "src/illumos/codec/libraries.cc"]
          },
          {
            "target_name": "tree",
            "dependencies": ["boundary"],
            "sources": ["<@(tree_sources)", "src/illumos/tree_system.cc"]
          },
          {
            "target_name": "dladm",
            "dependencies": ["boundary"],
            "sources": ["src/illumos/dladm.cc", "src/illumos/dladm_binding.cc", "src/illumos/dladm_library.cc"]
          },
          {
            "target_name": "kstat",
            "dependencies": ["boundary"],
            "sources": ["src/illumos/kstat.cc", "src/illumos/kstat_binding.cc"]
          },
          {
            "target_name": "sysevent",
            "dependencies": ["boundary"],
            "sources": ["src/illumos/sysevent.cc", "src/illumos/sysevent_binding.cc"]
          },
          {
            # Finds its library when loaded; elsewhere it is made by test/stand-ins/binding.gyp.
            "target_name": "zonecfg",
            "dependencies": ["boundary"],
            "sources": [
              "src/illumos/layout_check.cc",
              "src/illumos/zonecfg_binding.cc",
              "src/illumos/zonecfg_document.cc",
              "src/illumos/zonecfg_document_binding.cc",
              "src/illumos/zonecfg_library.cc",
              "src/illumos/zonecfg_resources.cc",
              "src/illumos/zonecfg_values.cc",
              "src/illumos/zonecfg_zones.cc"
            ]
          },
          {
            "target_name": "zfs",
            "dependencies": ["boundary"],
            "sources": ["<@(zfs_sources)", "src/illumos/layout_check.cc"]
          }
        ]
      }
    ],
    [
      # Made on request only: see README.md.
      "OS=='linux' and openzfs=='yes'",
      {
        "targets": [
          {
            "target_name": "zfs",
            "dependencies": ["boundary"],
            # The version whose headers these are, and no other.
            "defines": ["SMARTADM_ZFS_LIBRARY=\"<!(readlink -f $(pkg-config --variable=libdir libzfs)/libzfs.so | sed 's|.*/||; s|\\(so[.][0-9]*\\).*|\\1|')\""],
            "cflags": ["<!@(pkg-config --cflags libzfs)"],
            "sources": ["<@(zfs_sources)"]
          }
        ]
      }
    ]
  ]
}
