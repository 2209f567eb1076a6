var version = '@VERSION@';

function refuse(title, message) {
  my.result.title = title;
  my.result.message = message;
  my.result.type = 'Fatal';
  system.log(title + ': ' + message);
  return false;
}

// Numbers between dots; what follows a '-' or '+' does not count.
function isLater(left, right) {
  left = String(left).split(/[-+]/)[0].split('.');
  right = String(right).split(/[-+]/)[0].split('.');
  for (var i = 0; i < Math.max(left.length, right.length); i++) {
    var difference = (parseInt(left[i], 10) || 0) - (parseInt(right[i], 10) || 0);
    if (difference !== 0) {
      return difference > 0;
    }
  }
  return false;
}

// A receipt outlives files that were removed by hand.
function isDowngrade(root, installed) {
  return Boolean(installed) && system.files.fileExistsAtPath(root + '/usr/local/bin/portreeve') && isLater(installed, version);
}

function refuseDowngrade(installed) {
  return refuse(
    'A later version is installed',
    'Portreeve ' + installed + ' is installed, and its data may be of a form that ' + version + ' cannot read. To go back, remove it ' +
      'first: sudo /usr/local/libexec/portreeve/uninstall --keep-config'
  );
}

function installation_check() {
  if (system.sysctl('hw.optional.arm64') != 1) {
    return refuse('Not an Apple Silicon Mac', 'Portreeve runs on Macs with Apple Silicon only.');
  }
  if (isLater('@MINIMUM_MACOS@', system.version.ProductVersion)) {
    return refuse('macOS is too old', 'Portreeve needs macOS @MINIMUM_MACOS@ or later.');
  }
  // What the installer does not tell, the preinstall script finds out.
  try {
    var receipt = system.files.plistAtPath('/private/var/db/receipts/@IDENTIFIER@.plist');
    if (receipt && isDowngrade('', receipt.PackageVersion)) {
      return refuseDowngrade(receipt.PackageVersion);
    }
  } catch (error) {
    system.log('receipt: ' + error);
  }
  return true;
}

function volume_check() {
  try {
    var receipt = my.target.receiptForIdentifier('@IDENTIFIER@');
    if (receipt && isDowngrade(my.target.mountpoint, receipt.version)) {
      return refuseDowngrade(receipt.version);
    }
  } catch (error) {
    system.log('receipt: ' + error);
  }
  return true;
}
