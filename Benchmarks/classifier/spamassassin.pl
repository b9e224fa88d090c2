# Learns and classifies with SpamAssassin's Bayes alone. Input: lines "ham PATH", "spam PATH", then "test PATH"; output: a
# number for each test.
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;

my $folder = shift or die "usage: spamassassin.pl FOLDER";
my $sa = Mail::SpamAssassin->new({
  dont_copy_prefs => 1, local_tests_only => 1, userstate_dir => $folder, home_dir_for_helpers => $folder,
  config_text => join("\n", "loadplugin Mail::SpamAssassin::Plugin::Bayes", "use_bayes 1", "use_bayes_rules 1",
    "bayes_path $folder/bayes", "bayes_auto_learn 0", "bayes_auto_expire 0", "bayes_learn_to_journal 0",
    "bayes_min_ham_num 1", "bayes_min_spam_num 1", "lock_method flock", ""),
});
$sa->init(1);
my ($bayes) = grep { ref $_ eq 'Mail::SpamAssassin::Plugin::Bayes' } @{ $sa->{plugins}->{plugins} };
$sa->init_learner({ caller_will_untie => 1, force_expire => 0, learn_to_journal => 0, wait_for_lock => 1 });

sub message {
  open(my $file, '<:raw', $_[0]) or die "$_[0]: $!";
  local $/;
  return $sa->parse(scalar <$file>, 1);
}

while (my $line = <STDIN>) {
  chomp $line;
  my ($kind, $path) = split / /, $line, 2;
  my $mail = message($path);
  if ($kind eq 'test') {
    my $status = Mail::SpamAssassin::PerMsgStatus->new($sa, $mail);
    my $score = $bayes->scan($status, $mail);
    printf "%.17g\n", defined $score ? $score : 0.5;
    $status->finish();
  } else {
    $sa->learn($mail, undef, $kind eq 'spam' ? 1 : 0, 0)->finish();
  }
  $mail->finish();
}
$sa->finish_learner();
